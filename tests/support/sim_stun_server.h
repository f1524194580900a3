#pragma once

#include <array>
#include <cstdint>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/nat/stun_attributes.h"
#include "natkit/nat/stun_message.h"
#include "natkit/nat/stun_message_builder.h"
#include "sim_network.h"

namespace natkit::sim {

/// A host on the simulated Internet that answers Binding requests on every
/// port, and honours RESPONSE-PORT unless told not to. Link natkit::nat to use
/// it.
class SimStunServer {
 public:
  SimStunServer(SimWorld& world, const IpAddress& address) : world_(world) {
    host_ = world.network().AddHost(
        [this](Instant now, const Endpoint& local, const Endpoint& from,
               ByteView payload) { Answer(now, local, from, payload); });
    world.network().AddAddress(host_, SimNetwork::kInternet, address);
  }

  [[nodiscard]] uint64_t answered() const { return answered_; }

  void SetHonoursResponsePort(bool honours) { honours_ports_ = honours; }

 private:
  void Answer(Instant now, const Endpoint& local, const Endpoint& from,
              ByteView payload) {
    const auto request = stun::Message::Parse(payload);
    if (!request || request->type() != stun::kBindingRequest) {
      return;
    }
    std::array<uint8_t, 128> buffer{};
    stun::MessageBuilder builder(buffer, stun::kBindingSuccess, request->id());
    builder.Add<stun::attr::XorMappedAddress>(from);
    const auto response = builder.Finish();
    const auto port = request->Get<stun::attr::ResponsePort>();
    if (response) {
      ++answered_;
      world_.network().Send(
          now, host_, local,
          {from.address, port && honours_ports_ ? *port : from.port},
          *response);
    }
  }

  SimWorld& world_;
  SimNetwork::HostId host_ = 0;
  uint64_t answered_ = 0;
  bool honours_ports_ = true;
};

}  // namespace natkit::sim
