// Answers a discovery's requests by a script: rightly, wrongly, from elsewhere,
// not at all, with sockets that cannot be had, ICMP errors and garbage. It must
// come to an end, keep bounded evidence, and never have a trait without a
// verdict that says so.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <variant>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/check.h"
#include "natkit/base/rng.h"
#include "natkit/nat/behavior_discovery.h"
#include "natkit/nat/stun_attributes.h"
#include "natkit/nat/stun_message.h"
#include "natkit/nat/stun_message_builder.h"

namespace natkit::nat {
namespace {

// Answers come at once here, so whole passes run within one input.
constexpr size_t kMaxActionsPerInput = 1000;
constexpr size_t kMaxEvidence = 256;
constexpr size_t kMaxRounds = 200000;

const IpAddress kFirst = IpAddress::V4(203, 0, 113, 1);
const IpAddress kSecond = IpAddress::V4(203, 0, 113, 2);

/// Bytes of the script; after its end the last behavior goes on.
class Script {
 public:
  explicit Script(ByteView bytes) : bytes_(bytes) {}

  uint8_t Next() {
    if (offset_ < bytes_.size()) {
      last_ = bytes_[offset_++];
    }
    return last_;
  }

 private:
  ByteView bytes_;
  size_t offset_ = 0;
  uint8_t last_ = 0;
};

class Owner {
 public:
  explicit Owner(ByteView bytes) : script_(bytes), rng_(1) {
    BehaviorConfig config;
    const uint8_t choice = script_.Next();
    config.servers = {{kFirst, 3478}};
    if ((choice & 1) != 0) {
      config.servers.push_back({kSecond, 3478});
      config.servers.push_back({kSecond, 3479});
    }
    config.local_addresses = {IpAddress::V4(192, 168, 1, 2)};
    if ((choice & 2) != 0) {
      config.local_addresses.push_back(IpAddress::V4(192, 168, 1, 3));
    }
    if ((choice & 8) != 0) {
      config.gateway = IpAddress::V4(192, 168, 1, 1);
    }
    config.axes = (choice & 4) != 0 ? AllAxes() : QuickAxes();
    config.tests_tcp = (choice & 16) != 0;
    if ((choice & 32) != 0) {
      config.portal_page = {
          .server = {kSecond, 80}, .host = "page.example", .path = "/"};
    }
    if ((choice & 64) != 0) {
      config.nat64_prefixes = {
          IpPrefix::Make(IpAddress::V6({0, 0x64, 0xff, 0x9b}), 96).value()};
    }
    config.load_mappings = 8;
    discovery_.emplace(config, rng_);
  }

  void Run() {
    discovery_->Start(now_);
    Drain();
    for (size_t i = 0; i < kMaxRounds && !discovery_->is_finished(); ++i) {
      const auto next = discovery_->NextTimeout();
      NATKIT_CHECK(next.has_value());
      now_ = std::max(now_, *next);
      discovery_->HandleTimeout(now_);
      Drain();
    }
    NATKIT_CHECK(discovery_->is_finished());
    Check(discovery_->report());
  }

 private:
  void Drain() {
    size_t actions = 0;
    while (const auto action = discovery_->PollAction()) {
      ++actions;
      NATKIT_CHECK(actions < kMaxActionsPerInput);
      if (const auto* open = std::get_if<OpenSocket>(&*action)) {
        Open(*open);
      } else if (const auto* send = std::get_if<SendDatagram>(&*action)) {
        Answer(*send);
      } else if (const auto* connect = std::get_if<OpenStream>(&*action)) {
        Connect(*connect);
      } else if (const auto* write = std::get_if<SendOnStream>(&*action)) {
        AnswerStream(*write);
      }
    }
  }

  void Open(const OpenSocket& wish) {
    if (script_.Next() % 16 == 15) {
      discovery_->HandleSocketOpened(now_, wish.socket,
                                     Fail(Errc::kAddressInUse));
      return;
    }
    Endpoint local = wish.local;
    if (local.port == 0) {
      local.port = next_port_++;
    }
    locals_[wish.socket] = local;
    discovery_->HandleSocketOpened(now_, wish.socket, local);
  }

  void Connect(const OpenStream& wish) {
    const uint8_t how = script_.Next();
    if (how % 8 == 7) {
      return;  // never comes to anything
    }
    if (how % 8 == 6) {
      discovery_->HandleSocketOpened(now_, wish.socket,
                                     Fail(Errc::kConnectionRefused));
      return;
    }
    Endpoint local = wish.local;
    if (local.port == 0) {
      local.port = next_port_++;
    }
    streams_[wish.socket] = wish.to;
    locals_[wish.socket] = local;
    discovery_->HandleSocketOpened(now_, wish.socket, local);
  }

  /// A STUN response in two pieces, a page, or garbage.
  void AnswerStream(const SendOnStream& sent) {
    NATKIT_CHECK(streams_.contains(sent.socket));
    const uint8_t how = script_.Next();
    std::vector<uint8_t> bytes(how % 32);
    for (uint8_t& byte : bytes) {
      byte = script_.Next();
    }
    const auto request = stun::Message::Parse(sent.bytes);
    if (request && how % 4 != 0) {
      std::array<uint8_t, 128> buffer{};
      stun::MessageBuilder builder(buffer, stun::kBindingSuccess,
                                   request->id());
      Endpoint mapped = locals_.at(sent.socket);
      mapped.port = static_cast<uint16_t>(mapped.port + how / 64);
      builder.Add<stun::attr::XorMappedAddress>(mapped);
      const auto message = builder.Finish();
      NATKIT_CHECK(message.has_value());
      bytes.assign(message->begin(), message->end());
    } else if (!request && how % 4 != 0) {
      const ByteView page = AsBytes("HTTP/1.1 204 No Content\r\n\r\n");
      bytes.assign(page.begin(), page.end());
    }
    const size_t half = bytes.size() / 2;
    discovery_->HandleStreamData(now_, sent.socket,
                                 ByteView(bytes).first(half));
    discovery_->HandleStreamData(now_, sent.socket,
                                 ByteView(bytes).subspan(half));
  }

  void Answer(const SendDatagram& datagram) {
    NATKIT_CHECK(locals_.contains(datagram.socket));
    const auto request = stun::Message::Parse(datagram.payload);
    const uint8_t how = script_.Next();
    if (!request) {
      AnswerAsRouter(datagram, how);
      return;
    }
    switch (how % 8) {
      case 0:
        return;
      case 1:
        discovery_->HandleDatagram(now_, datagram.socket, datagram.to,
                                   datagram.payload);
        return;
      case 2:
        discovery_->HandleIcmpError(
            now_, datagram.socket,
            {.from = kSecond, .to = datagram.to, .type = how, .code = 0});
        return;
      default:
        Respond(*request, datagram, how);
    }
  }

  /// Something like a response of a port mapping service, or not.
  void AnswerAsRouter(const SendDatagram& datagram, uint8_t how) {
    std::vector<uint8_t> bytes(how % 64);
    for (uint8_t& byte : bytes) {
      byte = script_.Next();
    }
    if (bytes.size() > 2 && (how & 64) != 0) {
      bytes[0] = datagram.payload[0];
      bytes[1] = static_cast<uint8_t>(datagram.payload[1] | 128);
    }
    discovery_->HandleDatagram(now_, datagram.socket, datagram.to, bytes);
  }

  void Respond(const stun::Message& request, const SendDatagram& datagram,
               uint8_t how) {
    const bool is_error = how % 32 == 31;
    std::array<uint8_t, 256> buffer{};
    stun::MessageBuilder builder(
        buffer, is_error ? stun::kBindingError : stun::kBindingSuccess,
        request.id());
    Endpoint mapped = locals_.at(datagram.socket);
    if ((how & 8) != 0) {
      mapped.address = IpAddress::V4(198, 51, 100, script_.Next() % 4);
    }
    if ((how & 16) != 0) {
      mapped.port = script_.Next();
    }
    builder.Add<stun::attr::XorMappedAddress>(mapped);
    if ((how & 32) == 0) {
      const bool is_first = datagram.to.address == kFirst;
      builder.Add<stun::attr::OtherAddress>(
          {is_first ? kSecond : kFirst,
           static_cast<uint16_t>(datagram.to.port == 3478 ? 3479 : 3478)});
    }
    Endpoint from = datagram.to;
    if ((how & 64) != 0) {
      from = {kSecond, 3479};
    }
    const auto message = builder.Finish();
    NATKIT_CHECK(message.has_value());
    std::vector<uint8_t> bytes(message->begin(), message->end());
    if (how >= 240) {
      bytes[script_.Next() % bytes.size()] ^= script_.Next();
    }
    discovery_->HandleDatagram(now_, datagram.socket, from, bytes);
  }

  static void Check(const BehaviorReport& report) {
    for (const Axis axis : AllAxes()) {
      NATKIT_CHECK(report.verdict(axis).evidence.size() <= kMaxEvidence);
    }
    const auto is_determined = [&report](Axis axis) {
      return report.verdict(axis).outcome == Outcome::kDetermined;
    };
    const NatTraits& traits = report.traits;
    NATKIT_CHECK(!traits.mapping || is_determined(Axis::kMapping));
    NATKIT_CHECK(traits.filtering.has_value() ==
                 is_determined(Axis::kFiltering));
    NATKIT_CHECK(!traits.hairpinning || is_determined(Axis::kHairpinning));
    NATKIT_CHECK(!traits.is_udp_blocked || !traits.mapping);
  }

  Script script_;
  SeededRng rng_;
  std::optional<BehaviorDiscovery> discovery_;
  std::map<SocketNumber, Endpoint> locals_;
  std::map<SocketNumber, Endpoint> streams_;  ///< and where to
  uint16_t next_port_ = 32768;
  Instant now_;
};

}  // namespace
}  // namespace natkit::nat

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  natkit::nat::Owner({data, std::min<size_t>(size, 1024)}).Run();
  return 0;
}
