// natkit_stun_server; see natkit/stun_server.h.

#include "natkit/nat/stun_server.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "natkit/stun_server.h"
#include "stun/stun_bytes.h"
#include "stun/stun_server_config.h"
#include "support/caller_batch.h"
#include "support/convert.h"
#include "support/door.h"
#include "support/structs.h"

namespace natkit::c {
namespace {

constexpr size_t kFirstConfigSize = sizeof(natkit_stun_server_config);
constexpr size_t kFirstCountersSize = sizeof(natkit_stun_counters);

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
  if (!room || Overlap<uint8_t>(question.bytes, *room)) {
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

/// Errors: kBadArgument, kBufferTooSmall.
Result<void> CheckBatch(const CallerPackets& requests,
                        const CallerBatch& replies) {
  const size_t count = requests.all().size();
  const bool all_have_source =
      std::ranges::all_of(requests.all(), [](const natkit_packet& request) {
        return request.remote.family != NATKIT_FAMILY_NONE;
      });
  if (!all_have_source || !requests.CheckApartFrom(replies)) {
    return Fail(Errc::kBadArgument);
  }
  if (replies.packet_room() < count ||
      replies.memory().size() / kResponseSize < count) {
    return Fail(Errc::kBufferTooSmall);
  }
  return {};
}

/// Appends the response to one request, which has been checked.
void Answer(stun::StunServer& core, Instant now, const natkit_packet& request,
            CallerBatch& replies) {
  Endpoint local;
  Endpoint from;
  ToEndpointFast(request.local, local);
  ToEndpointFast(request.remote, from);
  const stun::ServerReply reply =
      core.HandleDatagram(now, local, from, {request.data, request.size},
                          replies.memory().first(kResponseSize));
  if (reply.size != 0) {
    replies.AppendWritten(
        reply.size,
        {.remote = reply.to, .local = reply.from, .tag = request.peer});
  }
}

/// Errors: kBadArgument, kStructSize, kUnsupported, kBufferTooSmall.
Result<int> AnswerAll(stun::StunServer& core, Instant now,
                      const Result<CallerPackets>& requests,
                      natkit_batch* replies) {
  Result<CallerBatch> batch = CallerBatch::Read(replies);
  if (!batch) {
    return std::unexpected(batch.error());
  }
  if (!requests || replies == nullptr) {
    return Fail(Errc::kBadArgument);
  }
  if (const auto checked = CheckBatch(*requests, *batch); !checked) {
    return std::unexpected(checked.error());
  }
  const size_t before = batch->packet_room();
  for (const natkit_packet& request : requests->all()) {
    Answer(core, now, request, *batch);
  }
  return static_cast<int>(before - batch->packet_room());
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
      __func__, server, now_ns, [&](StunServer& object, Instant now) {
        return AnswerAll(
            object.core(), now,
            CallerPackets::Read(requests, count, Addresses::kChecked), replies);
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
