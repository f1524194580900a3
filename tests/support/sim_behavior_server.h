#pragma once

#include <array>
#include <cstdint>
#include <optional>

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
  kOneAddress,       ///< no OTHER-ADDRESS, 420 to CHANGE-REQUEST
  kOtherSharesIp,    ///< OTHER-ADDRESS differs in the port alone
  kOtherIsSilent,    ///< nobody is at OTHER-ADDRESS
  kIgnoresChange,    ///< answers CHANGE-REQUEST from where it was asked
  kDropsChange,      ///< never answers CHANGE-REQUEST
  kWrongOrigin,      ///< RESPONSE-ORIGIN is not where the answer comes from
  kOtherNotMutual,   ///< OTHER-ADDRESS is a stranger's server
  kNoResponsePort,   ///< 420 to RESPONSE-PORT
  kOtherSeesProxy,   ///< the second address sees a proxy, not the client
  kOtherIsItself,    ///< the second address names itself, as coturn's does
  kOtherSharesPort,  ///< OTHER-ADDRESS differs in the address alone
  kOtherIsPrivate,   ///< OTHER-ADDRESS leads nowhere
  kOtherIsClient,    ///< OTHER-ADDRESS is where the request came from
  kOtherHasNoPort,   ///< OTHER-ADDRESS has port 0
  kOtherChanges,     ///< another OTHER-ADDRESS in every second answer
  kOtherIsThird,     ///< OTHER-ADDRESS is of an honest server elsewhere
  kClaimsChange,     ///< as kIgnoresChange; RESPONSE-ORIGIN says otherwise
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
  /// kOtherIsThird.
  static inline const IpAddress kThird = IpAddress::V4(203, 0, 113, 3);

  /// Nothing is answered from then on.
  void StopAt(Instant end) { end_ = end; }

  void HandleDatagram(Instant now, const Endpoint& local, const Endpoint& from,
                      ByteView payload) override {
    if (end_ && now >= *end_) {
      return;
    }
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
    Endpoint wanted = local;
    wanted.address = change.change_ip ? Other(local).address : local.address;
    wanted.port = change.change_port ? Other(local).port : local.port;
    const bool ignores = fault_ == ServerFault::kIgnoresChange ||
                         fault_ == ServerFault::kClaimsChange;
    const Endpoint source = ignores ? local : wanted;
    const Endpoint origin = fault_ == ServerFault::kWrongOrigin ? Other(source)
                            : fault_ == ServerFault::kClaimsChange ? wanted
                                                                   : source;
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
        .Add<stun::attr::ResponseOrigin>(origin);
    if (fault_ != ServerFault::kOneAddress) {
      ++answers_;
      builder.Add<stun::attr::OtherAddress>(ToldOther(local, from));
    }
    Send(source, to, builder);
  }

  [[nodiscard]] Endpoint Other(const Endpoint& of) const {
    return {.address = of.address == first_ ? second_ : first_,
            .port = of.port == kPort1 ? kPort2 : kPort1};
  }

  [[nodiscard]] Endpoint ToldOther(const Endpoint& of,
                                   const Endpoint& client) const {
    const Endpoint other = Other(of);
    const bool is_second = of.address == second_;
    switch (fault_) {
      case ServerFault::kOtherSharesIp:
        return {.address = of.address, .port = other.port};
      case ServerFault::kOtherSharesPort:
        return {.address = other.address, .port = of.port};
      case ServerFault::kOtherIsPrivate:
        return {.address = IpAddress::V4(10, 9, 9, 9), .port = other.port};
      case ServerFault::kOtherIsClient:
        return client;
      case ServerFault::kOtherHasNoPort:
        return {.address = other.address, .port = 0};
      case ServerFault::kOtherChanges:
        return {.address = other.address,
                .port = static_cast<uint16_t>(other.port + answers_ % 2 * 100)};
      case ServerFault::kOtherIsThird:
        return {.address = kThird, .port = other.port};
      case ServerFault::kOtherNotMutual:
        return {.address =
                    is_second ? IpAddress::V4(203, 0, 113, 99) : other.address,
                .port = other.port};
      case ServerFault::kOtherIsItself:
        return is_second ? of : other;
      default:
        return other;
    }
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
  int answers_ = 0;
  std::optional<Instant> end_;
};

}  // namespace natkit::sim
