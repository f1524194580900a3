#pragma once

#include <cstdint>
#include <optional>

#include "grid_case.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"
#include "natkit/nat/ice_agent.h"
#include "natkit/nat/punch_plan.h"
#include "natkit/netsim/pcapng.h"

namespace natkit::netsim::grid {

/// Whose agent is controlling at first.
enum class Controlling : uint8_t { kA, kB };

/// Which settings the agents have.
enum class AgentKind : uint8_t {
  kMesh,     ///< ice::AgentConfig::Mesh()
  kRfc8445,  ///< the RFCs' defaults
};

/// One attempt of two agents to reach each other.
struct PunchSpec {
  GridCase grid_case;
  double loss = 0;   ///< share, on the Internet and carriers' networks
  Duration delay{};  ///< one way through the Internet
  Controlling controlling = Controlling::kA;
  uint64_t seed = 1;
  AgentKind agent = AgentKind::kMesh;
};

/// What came of it.
enum class Found : uint8_t {
  kDirect,   ///< both selected one 5-tuple
  kNothing,  ///< neither selected any
  kHalf,     ///< one did, or each another: never right
};

struct PunchResult {
  Found found = Found::kNothing;
  /// kDirect: from when both had the other's credentials.
  Duration took{};
  Duration simulated{};
  uint64_t packets = 0;  ///< sent by hosts
};

/// The agents' settings in an attempt.
[[nodiscard]] ice::AgentConfig ConfigOf(AgentKind kind, ice::Role role,
                                        const Endpoint& server);

/// What a hard punch in an attempt may cost.
[[nodiscard]] nat::PunchBudget HardBudget();

/// How long an attempt may last: a little more than the agents' own patience,
/// after which they report failure.
[[nodiscard]] Duration LimitOf(AgentKind kind);

/// Runs one attempt in virtual time. The same spec gives the same packets.
[[nodiscard]] PunchResult Punch(const PunchSpec& spec,
                                PcapngWriter* trace = nullptr);

}  // namespace natkit::netsim::grid
