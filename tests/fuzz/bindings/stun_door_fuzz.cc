// A client, a transaction and a server through the C door, with a network that
// a script makes: it loses, alters and invents datagrams, has small buffers and
// frees handles. Both ends finish, requests are bounded, nothing that did not
// fit is lost, and freed handles are known as such.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "door_script.h"
#include "natkit/base/check.h"
#include "natkit/natkit.h"

namespace natkit::c::fuzz {
namespace {

/// 7 sends and 4 challenges or 8 redirects and 5 server errors, and more.
constexpr int kMostRequests = 500;
constexpr size_t kRoom = 4096;

natkit_address Address(const char* text) {
  natkit_address address{};
  NATKIT_CHECK(natkit_address_parse(text, &address) == 0);
  return address;
}

const natkit_address kServer = Address("198.51.100.1:3478");
const natkit_address kOutside = Address("203.0.113.7:41641");

constexpr natkit_stun_user kUser = {"alice", "wonderland"};

natkit_stun_server* MakeServer(uint8_t bits, const natkit_random* random) {
  natkit_stun_server_config config{};
  natkit_init(&config);
  natkit_stun_endpoints endpoints{};
  endpoints.primary = kServer;
  endpoints.other = Address("198.51.100.2:3479");
  config.table_size = 8;
  config.random = random;
  config.amplification = bits % 3;
  config.answers_rfc3489 = bits & 0x04;
  if ((bits & 0x08) != 0) {
    config.users = &kUser;
    config.user_count = 1;
    config.alternate_server = Address("198.51.100.9:3478");
  }
  if ((bits & 0x10) != 0) {
    config.mechanism = NATKIT_STUN_LONG_TERM;
    config.realm = "example.org";
    config.algorithms = (bits >> 5) % 3;
  }
  if ((bits & 0x80) != 0) {
    config.endpoint_sets = &endpoints;
    config.endpoint_set_count = 1;
  }
  natkit_stun_server* server = nullptr;
  NATKIT_CHECK(natkit_stun_server_new(&config, &server) == 0);
  return server;
}

natkit_stun_client* MakeClient(uint8_t bits, const natkit_random* random) {
  natkit_stun_client_config config{};
  natkit_init(&config);
  config.server = kServer;
  config.random = random;
  config.server_kind = bits % 3;
  config.sends_fingerprint = bits & 0x04;
  config.follows_redirects = bits & 0x08;
  config.mechanism =
      (bits & 0x10) != 0 ? NATKIT_STUN_LONG_TERM : NATKIT_STUN_SHORT_TERM;
  if ((bits & 0x20) != 0) {
    config.username = kUser.username;
    config.password = (bits & 0x40) != 0 ? "wrong" : kUser.password;
  }
  config.refuses_md5 = bits & 0x80;
  natkit_stun_client* client = nullptr;
  NATKIT_CHECK(natkit_stun_client_new(&config, &client) == 0);
  return client;
}

/// nullptr where the script's request is none.
natkit_stun_transaction* MakeTransaction(Script& script) {
  std::vector<uint8_t> request = script.Bytes();
  if (request.empty()) {
    request = {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1,  2,
               3, 4, 5, 6, 7,    8,    9,    10,   11, 12};
  }
  const uint8_t bits = script.Byte();
  natkit_stun_key key{};
  NATKIT_CHECK(natkit_stun_make_short_term_key(kUser.password, &key) == 0);
  natkit_stun_transaction_config config{};
  natkit_init(&config);
  config.server = kServer;
  config.request = request.data();
  config.request_size = request.size();
  config.key = (bits & 1) != 0 ? &key : nullptr;
  config.mechanism = (bits >> 1) % 2;
  config.requires_fingerprint = bits & 4;
  config.accepts_any_source = bits & 8;
  config.schedule.request_count = bits >> 4;
  natkit_stun_transaction* transaction = nullptr;
  const int code = Known(natkit_stun_transaction_new(&config, &transaction));
  NATKIT_CHECK((code == 0) == (transaction != nullptr));
  return transaction;
}

/// Either of the two that ask, behind the same functions.
struct Asker {
  std::function<int(uint64_t)> start;
  std::function<int(natkit_address*, uint8_t*, size_t)> poll_transmit;
  std::function<int(natkit_stun_event*)> poll_event;
  std::function<int(uint64_t, ByteView)> handle_datagram;
  std::function<int(uint64_t)> handle_timeout;
  std::function<int(uint64_t*)> next_timeout;
};

Asker Of(natkit_stun_client* client) {
  return {
      .start =
          [=](uint64_t now) { return natkit_stun_client_start(client, now); },
      .poll_transmit =
          [=](natkit_address* to, uint8_t* out, size_t size) {
            return natkit_stun_client_poll_transmit(client, to, out, size);
          },
      .poll_event =
          [=](natkit_stun_event* event) {
            return natkit_stun_client_poll_event(client, event);
          },
      .handle_datagram =
          [=](uint64_t now, ByteView bytes) {
            return natkit_stun_client_handle_datagram(
                client, now, &kServer, bytes.data(), bytes.size());
          },
      .handle_timeout =
          [=](uint64_t now) {
            return natkit_stun_client_handle_timeout(client, now);
          },
      .next_timeout =
          [=](uint64_t* out) {
            return natkit_stun_client_next_timeout(client, out);
          }};
}

int PollBoth(natkit_stun_transaction* transaction, natkit_stun_event* event) {
  Guarded none(0);
  size_t size = 0;
  const int code = natkit_stun_transaction_poll_event(
      transaction, event, none.data(), none.size(), &size);
  if (code != NATKIT_ERR_BUFFER_TOO_SMALL) {
    NATKIT_CHECK(code != 1 || size == 0);
    return code;
  }
  NATKIT_CHECK(size >= NATKIT_STUN_HEADER_SIZE);
  Guarded response(size);
  NATKIT_CHECK(natkit_stun_transaction_poll_event(
                   transaction, event, response.data(), size, &size) == 1);
  natkit_stun_header header{};
  NATKIT_CHECK(natkit_stun_parse(response.data(), size, &header) == 0);
  return 1;
}

Asker Of(natkit_stun_transaction* transaction) {
  return {.start =
              [=](uint64_t now) {
                const int code =
                    natkit_stun_transaction_start(transaction, now);
                return code == NATKIT_ERR_INVALID_STATE ? 0 : code;
              },
          .poll_transmit =
              [=](natkit_address* to, uint8_t* out, size_t size) {
                return natkit_stun_transaction_poll_transmit(transaction, to,
                                                             out, size);
              },
          .poll_event =
              [=](natkit_stun_event* event) {
                return PollBoth(transaction, event);
              },
          .handle_datagram =
              [=](uint64_t now, ByteView bytes) {
                return natkit_stun_transaction_handle_datagram(
                    transaction, now, &kServer, bytes.data(), bytes.size());
              },
          .handle_timeout =
              [=](uint64_t now) {
                return natkit_stun_transaction_handle_timeout(transaction, now);
              },
          .next_timeout =
              [=](uint64_t* out) {
                return natkit_stun_transaction_next_timeout(transaction, out);
              }};
}

class Exchange {
 public:
  Exchange(Asker asker, natkit_stun_server* server)
      : asker_(std::move(asker)), server_(server) {}

  void Run(Script& script) {
    NATKIT_CHECK(asker_.start(now_) == 0);
    Drain(script.Byte() % 64);
    for (int i = 0; i < 200 && !script.is_done(); ++i) {
      Step(script);
      Drain(script.Byte() % 64);
    }
    // Nothing more comes: it ends by itself.
    for (int i = 0; i < kMostRequests && !has_ended_; ++i) {
      NATKIT_CHECK(asker_.next_timeout(&now_) == 1);
      NATKIT_CHECK(asker_.handle_timeout(now_) == 0);
      Drain(0);
    }
    uint64_t deadline = 0;
    NATKIT_CHECK(has_ended_ && asker_.next_timeout(&deadline) == 0);
  }

 private:
  void Step(Script& script) {
    switch (script.Byte() % 4) {
      case 0:
        now_ += script.Byte() * 100 * NATKIT_MILLISECOND;
        NATKIT_CHECK(asker_.handle_timeout(now_) == 0);
        break;
      case 1:
        Give(script.Bytes());
        break;
      case 2:
        Give(Answer(script, request_));
        break;
      default:
        Give(Forge(script));
    }
  }

  void Give(ByteView datagram) {
    const int code = Known(asker_.handle_datagram(now_, datagram));
    NATKIT_CHECK(code == 0 || code == 1);
    NATKIT_CHECK(code == 0 || !has_ended_);
  }

  /// The server's response, perhaps altered.
  std::vector<uint8_t> Answer(Script& script, std::vector<uint8_t> request) {
    Alter(script, request);
    Guarded out(NATKIT_STUN_MAX_RESPONSE_SIZE);
    natkit_stun_reply reply{};
    const int size = Known(natkit_stun_server_handle_datagram(
        server_, now_, &kServer, &kOutside, request.data(), request.size(),
        &reply, out.data(), out.size()));
    const ByteView written = out.Written(size);
    NATKIT_CHECK(size == 0 || std::ranges::equal(reply.to.ip, kOutside.ip));
    std::vector<uint8_t> response(written.begin(), written.end());
    Alter(script, response);
    return response;
  }

  /// A response to the last request with the attributes that the script wants.
  std::vector<uint8_t> Forge(Script& script) {
    std::vector<uint8_t> body = script.Bytes();
    body.resize(body.size() / 4 * 4);
    if (request_.size() < NATKIT_STUN_HEADER_SIZE) {
      return body;
    }
    std::vector<uint8_t> out(request_.begin(),
                             request_.begin() + NATKIT_STUN_HEADER_SIZE);
    out[0] = 1;
    out[1] = (script.Byte() & 1) != 0 ? 0x01 : 0x11;
    out[2] = 0;
    out[3] = static_cast<uint8_t>(body.size());
    out.insert(out.end(), body.begin(), body.end());
    return out;
  }

  static void Alter(Script& script, std::vector<uint8_t>& bytes) {
    const uint8_t at = script.Byte();
    if (at < 128 && at < bytes.size()) {
      bytes[at] ^= script.Byte();
    }
  }

  /// Takes all that there is, first with too little room.
  void Drain(size_t room) {
    natkit_address to{};
    Guarded little(room);
    int size = Known(asker_.poll_transmit(&to, little.data(), little.size()));
    if (size == NATKIT_ERR_BUFFER_TOO_SMALL) {
      uint64_t deadline = 0;
      NATKIT_CHECK(asker_.next_timeout(&deadline) == 1 && deadline <= now_);
      Guarded enough(kRoom);
      size = Known(asker_.poll_transmit(&to, enough.data(), enough.size()));
      NATKIT_CHECK(size > static_cast<int>(room));
      Keep(enough.Written(size));
    } else if (size > 0) {
      Keep(little.Written(size));
    }
    TakeEvent();
    uint64_t deadline = 0;
    NATKIT_CHECK(has_ended_ || asker_.next_timeout(&deadline) == 1);
  }

  void Keep(ByteView request) {
    NATKIT_CHECK(++requests_ < kMostRequests);
    request_.assign(request.begin(), request.end());
  }

  void TakeEvent() {
    natkit_stun_event event{};
    natkit_init(&event);
    while (Known(asker_.poll_event(&event)) == 1) {
      NATKIT_CHECK(!has_ended_);
      has_ended_ = true;
      NATKIT_CHECK(event.outcome >= NATKIT_STUN_OUTCOME_SUCCESS &&
                   event.outcome <= NATKIT_STUN_OUTCOME_UNKNOWN_ATTRIBUTE);
      NATKIT_CHECK((event.error_code != 0) ==
                   (event.outcome == NATKIT_STUN_OUTCOME_ERROR_RESPONSE));
    }
  }

  Asker asker_;
  natkit_stun_server* server_;
  std::vector<uint8_t> request_;
  uint64_t now_ = NATKIT_SECOND;
  int requests_ = 0;
  bool has_ended_ = false;
};

void Run(Script script) {
  const uint8_t bits = script.Byte();
  Source random((bits & 1) != 0);
  natkit_stun_server* const server = MakeServer(script.Byte(), random.get());
  if ((bits & 2) != 0) {
    natkit_stun_client* const client = MakeClient(script.Byte(), random.get());
    Exchange(Of(client), server).Run(script);
    natkit_stun_client_free(client);
    NATKIT_CHECK(natkit_stun_client_cancel(client) == NATKIT_ERR_BAD_HANDLE);
  } else if (natkit_stun_transaction* const transaction =
                 MakeTransaction(script)) {
    Exchange(Of(transaction), server).Run(script);
    natkit_stun_transaction_free(transaction);
    NATKIT_CHECK(natkit_stun_transaction_cancel(transaction) ==
                 NATKIT_ERR_BAD_HANDLE);
  }
  natkit_stun_counters counters{};
  natkit_init(&counters);
  NATKIT_CHECK(natkit_stun_server_get_counters(server, &counters) == 0);
  natkit_stun_server_free(server);
  NATKIT_CHECK(natkit_stun_server_get_counters(server, &counters) ==
               NATKIT_ERR_BAD_HANDLE);
}

}  // namespace
}  // namespace natkit::c::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  natkit::c::fuzz::Run(natkit::c::fuzz::Script(data, size));
  return 0;
}
