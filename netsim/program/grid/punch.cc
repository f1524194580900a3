#include "punch.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "case_scenario.h"
#include "ice_program.h"
#include "natkit/base/check.h"
#include "natkit/netsim/sim_rng.h"
#include "natkit/netsim/world.h"

namespace natkit::netsim::grid {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kSignallingDelay = milliseconds(30);
constexpr Duration kGatherTime = milliseconds(500);
constexpr uint32_t kMaxSkewMs = 300;
constexpr Duration kChecksAlone = seconds(2);
constexpr Duration kHardTime = seconds(45);

/// The world of one attempt.
class Lab {
 public:
  Lab(const PunchSpec& spec, PcapngWriter* trace);

  PunchResult Run();

 private:
  [[nodiscard]] std::unique_ptr<IceProgram> AddAgent(std::string_view name,
                                                     const Endpoint& base,
                                                     ice::Role role);
  void AddServerAddresses();
  /// Once checks alone have had their time.
  void PunchHard();
  void OnChange();
  [[nodiscard]] Found found() const;

  const PunchSpec& spec_;
  uint64_t seed_;
  CaseScenario case_;
  World world_;
  std::unique_ptr<StunProgram> stun_;
  std::unique_ptr<IceProgram> a_;
  std::unique_ptr<IceProgram> b_;
  std::vector<Endpoint> servers_;  ///< of a hard punch
  bool has_punched_ = false;
};

uint64_t SeedOf(const PunchSpec& spec) {
  return DeriveSeed(
      spec.seed, spec.grid_case.name + " " + std::to_string(spec.loss) + " " +
                     std::to_string(spec.delay.count()) + " " +
                     std::to_string(static_cast<int>(spec.controlling)));
}

Lab::Lab(const PunchSpec& spec, PcapngWriter* trace)
    : spec_(spec),
      seed_(SeedOf(spec)),
      case_(MakeCaseScenario(spec)),
      world_(case_.scenario, seed_) {
  world_.SetTrace(trace);
  const HostId server = *world_.FindHost("stun");
  stun_ = std::make_unique<StunProgram>(world_, server);
  NATKIT_CHECK(world_.Attach(server, *stun_));
  const bool a_controls = spec.controlling == Controlling::kA;
  const auto role = [](bool controls) {
    return controls ? ice::Role::kControlling : ice::Role::kControlled;
  };
  if (spec.grid_case.is_hard) {
    AddServerAddresses();
  }
  a_ = AddAgent("host-a", case_.base_a, role(a_controls));
  b_ = AddAgent("host-b", case_.base_b, role(!a_controls));
  a_->Connect(*b_, kSignallingDelay);
  b_->Connect(*a_, kSignallingDelay);
}

std::unique_ptr<IceProgram> Lab::AddAgent(std::string_view name,
                                          const Endpoint& base,
                                          ice::Role role) {
  const HostId host = *world_.FindHost(name);
  auto program = std::make_unique<IceProgram>(
      world_, host, ConfigOf(spec_.agent, role, case_.server),
      DeriveSeed(seed_, name), [this] { OnChange(); });
  NATKIT_CHECK(world_.Attach(
      host, *program, spec_.grid_case.is_hard ? uint16_t{0} : base.port));
  return program;
}

PunchResult Lab::Run() {
  // One of them is up to 300 ms later than the other.
  SimRng rng(DeriveSeed(seed_, "skew"));
  const Duration skew = milliseconds(rng.NextBelow(kMaxSkewMs));
  const bool a_first = rng.Chance(0.5);
  a_->Gather(case_.base_a);
  b_->Gather(case_.base_b);
  world_.At(Instant{} + kGatherTime,
            [this, a_first] { (a_first ? a_ : b_)->Start(); });
  world_.At(Instant{} + kGatherTime + skew,
            [this, a_first] { (a_first ? b_ : a_)->Start(); });
  Duration limit = kGatherTime + LimitOf(spec_.agent);
  if (spec_.grid_case.is_hard) {
    world_.At(Instant{} + kGatherTime + kChecksAlone, [this] { PunchHard(); });
    limit += kHardTime;
  }
  world_.Run(limit);
  PunchResult result{.found = found(),
                     .simulated = world_.now() - Instant{},
                     .packets = world_.counters().sent};
  if (result.found == Found::kDirect) {
    result.took = world_.now() - std::max(*a_->started_at(), *b_->started_at());
  }
  return result;
}

void Lab::AddServerAddresses() {
  const HostId server = *world_.FindHost("stun");
  for (uint8_t last = 250; last < 255; ++last) {
    const auto address = IpAddress::V4(198, 51, 100, last);
    NATKIT_CHECK(
        world_.AddAddress(server, *world_.FindNetwork("internet"), address));
    servers_.push_back({address, case_.server.port});
    servers_.push_back({address, static_cast<uint16_t>(case_.server.port + 1)});
  }
}

nat::Dependence FilterOf(const std::vector<BoxSpec>& boxes) {
  auto strictest = nat::Dependence::kEndpointIndependent;
  for (const BoxSpec& box : boxes) {
    strictest =
        std::max(strictest, static_cast<nat::Dependence>(box.filtering));
  }
  return strictest;
}

void Lab::PunchHard() {
  has_punched_ = true;
  nat::HardPunchConfig config;
  config.is_allowed = true;
  config.stun_servers = servers_;
  config.budget = HardBudget();
  // The boxes stand on the Internet itself: no packet could end between them.
  config.opener_ttl.reset();
  config.traits.filtering = FilterOf(spec_.grid_case.a);
  a_->PunchHard(config);
  config.traits.filtering = FilterOf(spec_.grid_case.b);
  b_->PunchHard(config);
}

void Lab::OnChange() {
  const bool both_failed = a_->agent().state() == ice::AgentState::kFailed &&
                           b_->agent().state() == ice::AgentState::kFailed;
  const bool is_over =
      both_failed &&
      (!spec_.grid_case.is_hard ||
       (has_punched_ && !a_->is_punching() && !b_->is_punching()));
  if (is_over || found() == Found::kDirect) {
    world_.Stop();
  }
}

Found Lab::found() const {
  const auto of_a = a_->agent().selected();
  const auto of_b = b_->agent().selected();
  if (!of_a && !of_b) {
    return Found::kNothing;
  }
  return of_a && of_b && of_a->local_mapped == of_b->remote &&
                 of_b->local_mapped == of_a->remote
             ? Found::kDirect
             : Found::kHalf;
}

}  // namespace

Duration LimitOf(AgentKind kind) {
  return kind == AgentKind::kMesh ? seconds(16) : seconds(50);
}

ice::AgentConfig ConfigOf(AgentKind kind, ice::Role role,
                          const Endpoint& server) {
  ice::AgentConfig config;
  if (kind == AgentKind::kMesh) {
    config = ice::AgentConfig::Mesh(role);
  }
  config.role = role;
  config.stun_servers = {server};
  return config;
}

nat::PunchBudget HardBudget() {
  return {.packets_per_second = 200,
          .max_packets = 8192,
          .max_probes = 2048,
          .max_sockets = 256,
          .new_mappings_per_second = 200,
          .quota_share = 1};
}

PunchResult Punch(const PunchSpec& spec, PcapngWriter* trace) {
  return Lab(spec, trace).Run();
}

}  // namespace natkit::netsim::grid
