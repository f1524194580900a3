// natkit_stun_server; see natkit/stun_server.h.

#include "natkit/nat/stun_server.h"

#include <memory>
#include <span>
#include <utility>

#include "natkit/stun_server.h"
#include "stun/stun_bytes.h"
#include "stun/stun_server_config.h"
#include "support/convert.h"
#include "support/door.h"
#include "support/structs.h"

namespace natkit::c {
namespace {

constexpr size_t kFirstConfigSize = sizeof(natkit_stun_server_config);
constexpr size_t kFirstCountersSize = sizeof(natkit_stun_counters);
constexpr size_t kFirstBatchSize = sizeof(natkit_batch);

constexpr size_t kResponseSize = NATKIT_STUN_MAX_RESPONSE_SIZE;
static_assert(kResponseSize == stun::StunServer::kMaxResponseSize);

class StunServer final : public Object {
 public:
  static constexpr HandleKind kKind = HandleKind::kStunServer;

  StunServer(stun::ServerConfig config, Rng& rng)
      : core_(std::move(config), rng) {}

  [[nodiscard]] stun::StunServer& core() { return core_; }

 private:
  stun::StunServer core_;
};

Result<void> MakeServer(const natkit_stun_server_config* config,
                        natkit_stun_server** out) {
  const auto given = ReadStruct(config, kFirstConfigSize);
  if (!given) {
    return std::unexpected(given.error());
  }
  const auto rng = MakeRng(given->random);
  if (!rng) {
    return std::unexpected(rng.error());
  }
  Result<stun::ServerConfig> made = ToServerConfig(*given);
  if (!made) {
    return std::unexpected(made.error());
  }
  return MakeHandle(std::make_unique<StunServer>(*std::move(made), **rng), out);
}

/// A request, checked, and where its response goes.
struct Question {
  Endpoint local;
  Endpoint from;
  ByteView bytes;
};

/// `local` may be null. Errors: kBadArgument.
Result<Question> ToQuestion(const natkit_address* local,
                            const natkit_address* from, const void* data,
                            size_t size) {
  const auto here = ToEndpoint(local == nullptr ? natkit_address{} : *local);
  const auto source = ToSetEndpoint(from);
  const auto bytes = ToBytes(data, size);
  if (!here || !source || !bytes) {
    return Fail(Errc::kBadArgument);
  }
  return Question{.local = *here, .from = *source, .bytes = *bytes};
}

/// Room for one response. Errors: kBadArgument, kBufferTooSmall.
Result<MutableBytes> ToRoom(void* out, size_t capacity,
                            const Question& question) {
  const Result<MutableBytes> room = ToMutableBytes(out, capacity);
  if (!room || Overlap(question.bytes, *room)) {
    return Fail(Errc::kBadArgument);
  }
  if (capacity < kResponseSize) {
    return Fail(Errc::kBufferTooSmall);
  }
  return room->first(kResponseSize);
}

natkit_address FromLocal(const Endpoint& local) {
  return local == Endpoint{} ? natkit_address{} : FromEndpoint(local);
}

/// What there is room for in a caller's batch.
struct Room {
  MutableBytes memory;
  std::span<natkit_packet> packets;
};

/// Errors: kBadArgument, kBufferTooSmall.
Result<Room> ToRoom(const natkit_batch& batch, size_t count) {
  if (batch.memory_used > batch.memory_size ||
      batch.packet_count > batch.packet_capacity ||
      (batch.memory == nullptr && batch.memory_size != 0) ||
      (batch.packets == nullptr && batch.packet_capacity != 0)) {
    return Fail(Errc::kBadArgument);
  }
  const Room room{.memory = MutableBytes(batch.memory, batch.memory_size)
                                .subspan(batch.memory_used),
                  .packets = std::span(batch.packets, batch.packet_capacity)
                                 .subspan(batch.packet_count)};
  if (room.packets.size() < count ||
      room.memory.size() / kResponseSize < count) {
    return Fail(Errc::kBufferTooSmall);
  }
  return room;
}

/// Whether all of `requests` can be taken. Errors: kBadArgument.
Result<void> CheckRequests(std::span<const natkit_packet> requests,
                           const Room& room) {
  for (const natkit_packet& request : requests) {
    const auto question =
        ToQuestion(&request.local, &request.remote, request.data, request.size);
    if (!question || request.reserved != 0 ||
        Overlap(question->bytes, room.memory)) {
      return Fail(Errc::kBadArgument);
    }
  }
  return {};
}

/// Appends the response to one request, which has been checked.
void Answer(stun::StunServer& core, Instant now, const natkit_packet& request,
            natkit_batch& replies) {
  const auto question =
      ToQuestion(&request.local, &request.remote, request.data, request.size);
  uint8_t* const out = replies.memory + replies.memory_used;
  const stun::ServerReply reply =
      core.HandleDatagram(now, question->local, question->from, question->bytes,
                          {out, kResponseSize});
  if (reply.size == 0) {
    return;
  }
  natkit_packet& packet = replies.packets[replies.packet_count];
  packet = {};
  packet.data = out;
  packet.size = reply.size;
  packet.remote = FromEndpoint(reply.to);
  packet.local = FromLocal(reply.from);
  packet.peer = request.peer;
  ++replies.packet_count;
  replies.memory_used += reply.size;
}

/// Errors: kBadArgument, kStructSize, kBufferTooSmall.
Result<int> AnswerAll(stun::StunServer& core, Instant now,
                      std::span<const natkit_packet> requests,
                      natkit_batch* replies) {
  Result<natkit_batch> batch = ReadStruct(replies, kFirstBatchSize);
  if (!batch) {
    return std::unexpected(batch.error());
  }
  const Result<Room> room = ToRoom(*batch, requests.size());
  if (!room) {
    return std::unexpected(room.error());
  }
  if (const auto checked = CheckRequests(requests, *room); !checked) {
    return std::unexpected(checked.error());
  }
  const size_t before = batch->packet_count;
  for (const natkit_packet& request : requests) {
    Answer(core, now, request, *batch);
  }
  const Result<void> written = WriteStruct(replies, *batch, kFirstBatchSize);
  if (!written) {
    return std::unexpected(written.error());
  }
  return static_cast<int>(batch->packet_count - before);
}

natkit_stun_counters FromCounters(const stun::ServerCounters& from) {
  natkit_stun_counters out{};
  out.received = from.received;
  out.answered = from.answered;
  out.answered_rfc3489 = from.answered_rfc3489;
  out.unknown_attribute = from.unknown_attribute;
  out.unauthenticated = from.unauthenticated;
  out.sent_elsewhere = from.sent_elsewhere;
  out.refused_discovery = from.refused_discovery;
  out.not_stun = from.not_stun;
  out.refused_rfc3489 = from.refused_rfc3489;
  out.not_a_request = from.not_a_request;
  out.refused_form = from.refused_form;
  out.refused_source = from.refused_source;
  out.rate_limited = from.rate_limited;
  out.too_long = from.too_long;
  out.changed = from.changed;
  out.redirected = from.redirected;
  out.padded = from.padded;
  out.received_bytes = from.received_bytes;
  out.sent_bytes = from.sent_bytes;
  return out;
}

}  // namespace
}  // namespace natkit::c

using natkit::Errc;
using natkit::Fail;
using natkit::Instant;
using natkit::Result;
using namespace natkit::c;

int natkit_stun_server_new(const natkit_stun_server_config* config,
                           natkit_stun_server** out) {
  return ToCode(__func__, MakeServer(config, out));
}

void natkit_stun_server_free(natkit_stun_server* server) {
  FreeHandle<StunServer>(__func__, server);
}

int natkit_stun_server_handle_datagram(
    natkit_stun_server* server, uint64_t now_ns, const natkit_address* local,
    const natkit_address* from, const void* data, size_t size,
    natkit_stun_reply* out, void* buffer, size_t capacity) {
  return WithTime<StunServer>(
      __func__, server, now_ns,
      [&](StunServer& object, Instant now) -> Result<int> {
        const auto question = ToQuestion(local, from, data, size);
        if (!question || out == nullptr) {
          return Fail(Errc::kBadArgument);
        }
        const auto room = ToRoom(buffer, capacity, *question);
        if (!room) {
          return std::unexpected(room.error());
        }
        const natkit::stun::ServerReply made = object.core().HandleDatagram(
            now, question->local, question->from, question->bytes, *room);
        if (made.size != 0) {
          *out = {.from = FromLocal(made.from), .to = FromEndpoint(made.to)};
        }
        return static_cast<int>(made.size);
      });
}

int natkit_stun_server_handle_batch(natkit_stun_server* server, uint64_t now_ns,
                                    const natkit_packet* requests, size_t count,
                                    natkit_batch* replies) {
  return WithTime<StunServer>(
      __func__, server, now_ns,
      [&](StunServer& object, Instant now) -> Result<int> {
        if (requests == nullptr && count != 0) {
          return Fail(Errc::kBadArgument);
        }
        return AnswerAll(object.core(), now, {requests, count}, replies);
      });
}

int natkit_stun_server_handle_stream(natkit_stun_server* server,
                                     uint64_t now_ns,
                                     const natkit_address* local,
                                     const natkit_address* from,
                                     const void* data, size_t size,
                                     void* buffer, size_t capacity) {
  return WithTime<StunServer>(
      __func__, server, now_ns,
      [&](StunServer& object, Instant now) -> Result<int> {
        const auto question = ToQuestion(local, from, data, size);
        if (!question) {
          return std::unexpected(question.error());
        }
        const auto room = ToRoom(buffer, capacity, *question);
        if (!room) {
          return std::unexpected(room.error());
        }
        return static_cast<int>(object.core().HandleStreamMessage(
            now, question->local, question->from, question->bytes, *room));
      });
}

int natkit_stun_server_get_counters(const natkit_stun_server* server,
                                    natkit_stun_counters* out) {
  return WithHandle<StunServer>(
      __func__, server, [&](StunServer& object) -> Result<void> {
        return WriteStruct(out, FromCounters(object.core().counters()),
                           kFirstCountersSize);
      });
}
