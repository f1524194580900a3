// The DNS server under clients and resolvers that send anything. The input is
// a list of steps; every promise that the shell relies on is checked after
// each: bounded questions, one end for every exchange, no name of the mesh at
// a resolver, no answer that does not parse.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <variant>
#include <vector>

#include "natkit/base/check.h"
#include "natkit/base/rng.h"
#include "natkit/mesh/dns/dns_message.h"
#include "natkit/mesh/dns/dns_server.h"

namespace {

using namespace natkit;       // NOLINT(google-build-using-namespace)
using namespace natkit::dns;  // NOLINT(google-build-using-namespace)

const Name kDomain = *Name::FromText("m");

DnsConfig MakeConfig() {
  DnsConfig config;
  config.domain = "m";
  config.hosts = {{.name = "a", .addresses = {IpAddress::V4(100, 64, 0, 2)}}};
  config.routes = {
      {.suffix = "x", .resolvers = {{IpAddress::V4(10, 0, 0, 1), 53}}}};
  config.resolvers = {{IpAddress::V4(192, 0, 2, 1), 53},
                      {IpAddress::V4(192, 0, 2, 2), 53}};
  config.own = {{IpAddress::V4(100, 64, 0, 1), 53}};
  return config;
}

struct Open {
  Endpoint to;
  uint16_t id = 0;
  bool is_stream = false;
};

class Driver {
 public:
  Driver() { NATKIT_CHECK(server_.SetConfig(MakeConfig()).has_value()); }

  void Run(ByteReader in) {
    uint8_t kind = 0;
    uint8_t which = 0;
    uint8_t size = 0;
    ByteView bytes;
    while (in.ReadU8(kind) && in.ReadU8(which) && in.ReadU8(size) &&
           in.ReadView(std::min<size_t>(size, in.remaining()), bytes)) {
      Step(kind, which, bytes);
      Drain();
    }
    while (const auto next = server_.NextTimeout()) {
      NATKIT_CHECK(*next > now_);  // it ends
      now_ = *next;
      server_.HandleTimeout(now_);
      Drain();
    }
    NATKIT_CHECK(open_.empty() && server_.questions_under_way() == 0);
  }

 private:
  void Step(uint8_t kind, uint8_t which, ByteView bytes) {
    const Endpoint client{IpAddress::V4(127, 0, 0, which), 4000};
    switch (kind % 8) {
      case 0:
      case 1:
        server_.HandleDatagram(now_, {IpAddress::V4(100, 64, 0, 1), 53}, client,
                               bytes);
        break;
      case 2:
        server_.HandleStreamMessage(now_, StreamId{which}, client, bytes);
        break;
      case 3:
        server_.HandleStreamClosed(StreamId{which});
        break;
      case 4:
      case 5:
        Respond(which, bytes, kind % 8 == 5);
        break;
      case 6:
        if (const auto it = Pick(which); it != open_.end()) {
          server_.HandleUpstreamFailed(now_, it->first);
        }
        break;
      default:
        now_ += std::chrono::milliseconds(which * 20);
        server_.HandleTimeout(now_);
    }
  }

  std::map<ExchangeId, Open>::iterator Pick(uint8_t which) {
    return open_.empty() ? open_.end()
                         : std::next(open_.begin(),
                                     static_cast<long>(which % open_.size()));
  }

  /// As it is, or with the right id, so that the rest is looked at.
  void Respond(uint8_t which, ByteView bytes, bool with_id) {
    const auto it = Pick(which);
    if (it == open_.end()) {
      return;
    }
    std::vector<uint8_t> copy(bytes.begin(), bytes.end());
    if (with_id && copy.size() > 2) {
      copy[0] = static_cast<uint8_t>(it->second.id >> 8);
      copy[1] = static_cast<uint8_t>(it->second.id);
    }
    if (it->second.is_stream) {
      server_.HandleUpstreamMessage(now_, it->first, copy);
    } else {
      server_.HandleUpstreamDatagram(now_, it->first, it->second.to, copy);
    }
  }

  void Drain() {
    while (const auto transmit = server_.PollTransmit()) {
      std::visit([this](const auto& out) { this->Check(out); }, *transmit);
    }
    while (const auto event = server_.PollEvent()) {
      if (const auto* end = std::get_if<ExchangeEnded>(&*event)) {
        NATKIT_CHECK(open_.erase(end->exchange) == 1);
      }
    }
    NATKIT_CHECK(server_.questions_under_way() <= DnsServer::kMaxQuestions);
    NATKIT_CHECK(open_.size() <= 2 * server_.questions_under_way());
  }

  static void CheckReply(ByteView reply) {
    const auto header = ParseHeader(reply);
    NATKIT_CHECK(header.has_value() && header->is_response);
    NATKIT_CHECK(reply.size() == kHeaderSize || ParseMessage(reply));
  }

  static void Check(const ClientDatagram& out) {
    NATKIT_CHECK(out.payload.size() <= DnsServer::kMaxUdpSize);
    CheckReply(out.payload);
  }

  static void Check(const ClientStreamBytes& out) {
    CheckReply(ByteView(out.bytes).subspan(2));
  }

  void Check(const UpstreamDatagram& out) {
    CheckAsked(out.exchange, out.to, out.payload, false);
  }

  void Check(const UpstreamStreamBytes& out) {
    CheckAsked(out.exchange, out.to, ByteView(out.bytes).subspan(2), true);
  }

  void CheckAsked(ExchangeId exchange, const Endpoint& to, ByteView bytes,
                  bool is_stream) {
    const auto message = ParseMessage(bytes);
    NATKIT_CHECK(message.has_value() && !message->header.is_response);
    NATKIT_CHECK(!message->question.name.IsWithin(kDomain));
    const bool is_new =
        open_.emplace(exchange, Open{to, message->header.id, is_stream}).second;
    NATKIT_CHECK(is_new);
  }

  SeededRng rng_{1};
  DnsServer server_{rng_};
  Instant now_{};
  std::map<ExchangeId, Open> open_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Driver().Run(ByteReader({data, size}));
  return 0;
}
