#pragma once

#include <array>
#include <cstdint>

#include "natkit/base/bytes.h"
#include "natkit/base/check.h"
#include "natkit/base/endpoint.h"
#include "natkit/nat/stun_attributes.h"
#include "natkit/nat/stun_message.h"
#include "natkit/nat/stun_message_builder.h"
#include "natkit/netsim/world.h"

namespace natkit::sim {

/// What is wrong with a server of RFC 5780, as met in the field.
enum class ServerFault : uint8_t {
  kNone,
  kOneAddress,      ///< no OTHER-ADDRESS, 420 to CHANGE-REQUEST
  kOtherSharesIp,   ///< OTHER-ADDRESS differs in the port alone
  kOtherIsSilent,   ///< nobody is at OTHER-ADDRESS
  kIgnoresChange,   ///< answers CHANGE-REQUEST from where it was asked
  kDropsChange,     ///< never answers CHANGE-REQUEST
  kWrongOrigin,     ///< RESPONSE-ORIGIN is not where the answer comes from
  kOtherNotMutual,  ///< OTHER-ADDRESS is a stranger's server
  kNoResponsePort,  ///< 420 to RESPONSE-PORT
  kOtherSeesProxy,  ///< the second address sees a proxy, not the client
  kOtherIsItself,   ///< the second address names itself, as coturn's does
};

/// A server with two addresses and two ports in a World (RFC 5780 section 3)
/// that is not sincere; WorldStunServer is.
class SimBehaviorServer : public netsim::Actor {
 public:
  SimBehaviorServer(netsim::World& world, netsim::HostId host,
                    const IpAddress& first, const IpAddress& second,
                    ServerFault fault = ServerFault::kNone)
      : world_(world),
        host_(host),
        first_(first),
        second_(second),
        fault_(fault) {
    for (const uint16_t port : {kPort1, kPort2}) {
      NATKIT_CHECK(world.Attach(host, *this, port).has_value());
    }
  }

  static constexpr uint16_t kPort1 = 3478;
  static constexpr uint16_t kPort2 = 3479;

  void HandleDatagram(Instant, const Endpoint& local, const Endpoint& from,
                      ByteView payload) override {
    const auto request = stun::Message::Parse(payload);
    if (!request || request->type() != stun::kBindingRequest ||
        (fault_ == ServerFault::kOtherIsSilent && local.address == second_)) {
      return;
    }
    const bool has_change = request->Has(stun::AttributeType::kChangeRequest);
    const bool has_port = request->Has(stun::AttributeType::kResponsePort);
    if ((has_change && fault_ == ServerFault::kOneAddress) ||
        (has_port && (fault_ == ServerFault::kNoResponsePort ||
                      fault_ == ServerFault::kOneAddress))) {
      Refuse(*request, local, from);
    } else if (!has_change || fault_ != ServerFault::kDropsChange) {
      Answer(*request, local, from);
    }
  }

 private:
  void Refuse(const stun::Message& request, const Endpoint& local,
              const Endpoint& from) {
    std::array<uint8_t, 128> buffer{};
    stun::MessageBuilder builder(buffer, stun::kBindingError, request.id());
    builder.Add<stun::attr::ErrorCode>(
        {.code = stun::ErrorCode::kUnknownAttribute, .reason = ""});
    Send(local, from, builder);
  }

  void Answer(const stun::Message& request, const Endpoint& local,
              const Endpoint& from) {
    const auto change = request.Get<stun::attr::ChangeRequest>().value_or(
        stun::attr::ChangeRequestValue{});
    Endpoint source = local;
    if (fault_ != ServerFault::kIgnoresChange) {
      source.address = change.change_ip ? Other(local).address : local.address;
      source.port = change.change_port ? Other(local).port : local.port;
    }
    Endpoint to = from;
    if (const auto port = request.Get<stun::attr::ResponsePort>()) {
      to.port = *port;
    }
    Endpoint seen = from;
    if (fault_ == ServerFault::kOtherSeesProxy && local.address == second_) {
      seen.address = IpAddress::V4(10, 9, 9, 9);
    }
    std::array<uint8_t, 256> buffer{};
    stun::MessageBuilder builder(buffer, stun::kBindingSuccess, request.id());
    builder.Add<stun::attr::XorMappedAddress>(seen)
        .Add<stun::attr::MappedAddress>(seen)
        .Add<stun::attr::ResponseOrigin>(
            fault_ == ServerFault::kWrongOrigin ? Other(source) : source);
    if (fault_ != ServerFault::kOneAddress) {
      builder.Add<stun::attr::OtherAddress>(ToldOther(local));
    }
    Send(source, to, builder);
  }

  [[nodiscard]] Endpoint Other(const Endpoint& of) const {
    return {.address = of.address == first_ ? second_ : first_,
            .port = of.port == kPort1 ? kPort2 : kPort1};
  }

  [[nodiscard]] Endpoint ToldOther(const Endpoint& of) const {
    Endpoint other = Other(of);
    if (fault_ == ServerFault::kOtherSharesIp) {
      other.address = of.address;
    }
    if (fault_ == ServerFault::kOtherNotMutual && of.address == second_) {
      other.address = IpAddress::V4(203, 0, 113, 99);
    }
    if (fault_ == ServerFault::kOtherIsItself && of.address == second_) {
      other = of;
    }
    return other;
  }

  void Send(const Endpoint& source, const Endpoint& to,
            stun::MessageBuilder& builder) {
    const auto message = builder.Finish();
    if (message && to.port != 0) {
      static_cast<void>(world_.SendUdp(host_, source, to, *message));
    }
  }

  netsim::World& world_;
  netsim::HostId host_;
  IpAddress first_;
  IpAddress second_;
  ServerFault fault_;
};

}  // namespace natkit::sim
