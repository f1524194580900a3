#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <variant>

#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"
#include "natkit/nat/hard_punch.h"
#include "natkit/nat/ice_agent.h"
#include "natkit/netsim/sim_rng.h"
#include "natkit/netsim/world.h"

namespace natkit::netsim::grid {

/// libnat's ICE agent on a simulated host. What it signals reaches the other
/// program after a delay, complete and in order, outside the simulated network.
class IceProgram final : public Actor {
 public:
  /// `on_change` is called after each change of the selected pair or the state.
  IceProgram(World& world, HostId host, ice::AgentConfig config, uint64_t seed,
             std::function<void()> on_change);

  /// Comes first: says whom to signal to.
  void Connect(IceProgram& other, Duration signalling_delay);
  /// Gathers from this base.
  void Gather(const Endpoint& base);
  /// Signals the credentials; candidates are signalled as they are found.
  void Start();

  /// From now on helped by a hard punch, which the controlling side begins. The
  /// program must have all ports of its host. `config` needs no credentials.
  void PunchHard(nat::HardPunchConfig config);
  /// A hard punch is under way.
  [[nodiscard]] bool is_punching() const;

  [[nodiscard]] const ice::Agent& agent() const { return agent_; }

  /// When the other side's credentials came.
  [[nodiscard]] std::optional<Instant> started_at() const {
    return started_at_;
  }

  void HandleDatagram(Instant now, const Endpoint& local, const Endpoint& from,
                      ByteView payload) override;
  [[nodiscard]] std::optional<Instant> NextTimeout() const override;
  void HandleTimeout(Instant now) override;

 private:
  struct EndOfCandidates {};

  using Signalled = std::variant<ice::Credentials, ice::Candidate,
                                 EndOfCandidates, nat::PunchMessage>;

  void Signal(Signalled signalled);
  void Take(const Signalled& signalled);
  void Pump();
  void OnEvent(const ice::AgentEvent& event);
  void PumpHard();
  void OnHardEvent(const nat::HardPunchEvent& event);
  void OnHit(const nat::PunchHitEvent& hit);

  World& world_;
  HostId host_;
  SimRng rng_;
  ice::Agent agent_;
  std::function<void()> on_change_;
  IceProgram* other_ = nullptr;
  Duration signalling_delay_{};
  std::optional<Instant> started_at_;
  std::optional<Endpoint> base_;
  std::optional<ice::Credentials> remote_;
  std::optional<nat::HardPunch> hard_;
  std::optional<Endpoint> hit_base_;
  uint16_t next_port_ = 0;
};

/// The answer to a plain Binding request (RFC 8489), in `buffer`; nullopt if
/// the datagram is not one.
[[nodiscard]] std::optional<ByteView> AnswerBinding(ByteView datagram,
                                                    const Endpoint& from,
                                                    MutableBytes buffer);

/// Answers plain Binding requests on every port of its host (RFC 8489).
class StunProgram final : public Actor {
 public:
  StunProgram(World& world, HostId host) : world_(world), host_(host) {}

  void HandleDatagram(Instant now, const Endpoint& local, const Endpoint& from,
                      ByteView payload) override;

 private:
  World& world_;
  HostId host_;
};

}  // namespace natkit::netsim::grid
