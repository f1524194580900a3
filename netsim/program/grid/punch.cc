#include "punch.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

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
constexpr Duration kLanDelay = std::chrono::microseconds(300);
constexpr uint16_t kStunPort = 3478;
constexpr uint16_t kBasePort = 40001;

/// How long an attempt may last: a little more than the agents' own patience,
/// after which they report failure.
Duration LimitOf(AgentKind agent) {
  return agent == AgentKind::kMesh ? seconds(16) : seconds(50);
}

/// A network that hands out addresses: .1 to the box that leads out of it, the
/// others in turn.
struct Segment {
  NetworkId id{};
  IpAddress gateway;
  uint8_t prefix[3] = {};
  uint8_t next = 2;

  [[nodiscard]] IpAddress NextAddress() {
    return IpAddress::V4(prefix[0], prefix[1], prefix[2], next++);
  }
};

/// The world of one attempt.
class Lab {
 public:
  Lab(const PunchSpec& spec, PcapngWriter* trace);

  PunchResult Run();

 private:
  [[nodiscard]] Segment AddSegment(const std::string& name,
                                   const LinkConfig& link);
  /// Puts boxes one inside the other; returns the innermost segment.
  [[nodiscard]] Segment AddBoxes(const std::string& name, Segment& outside,
                                 const std::vector<BoxSpec>& boxes);
  [[nodiscard]] std::unique_ptr<IceProgram> AddAgent(const std::string& name,
                                                     Segment& segment,
                                                     ice::Role role);
  void OnChange();
  [[nodiscard]] Found found() const;

  const PunchSpec& spec_;
  uint64_t seed_;
  World world_;
  LinkConfig wan_;
  uint8_t segments_ = 0;
  Endpoint server_;
  std::unique_ptr<StunProgram> stun_;
  std::unique_ptr<IceProgram> a_;
  std::unique_ptr<IceProgram> b_;
  Endpoint base_a_;
  Endpoint base_b_;
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
      world_(seed_),
      wan_{.delay = spec.delay, .jitter = spec.delay / 10, .loss = spec.loss} {
  world_.SetTrace(trace);
  Segment internet = AddSegment("internet", wan_);
  const HostId server = world_.AddHost("stun");
  server_ = {.address = internet.NextAddress(), .port = kStunPort};
  NATKIT_CHECK(world_.AddAddress(server, internet.id, server_.address));
  stun_ = std::make_unique<StunProgram>(world_, server);
  NATKIT_CHECK(world_.Attach(server, *stun_));
  const GridCase& grid_case = spec.grid_case;
  Segment common = AddBoxes("shared", internet, grid_case.shared);
  Segment& shared = grid_case.shared.empty() ? internet : common;
  Segment lan_a = AddBoxes("a", shared, grid_case.a);
  Segment lan_b = AddBoxes("b", shared, grid_case.b);
  const bool a_controls = spec.controlling == Controlling::kA;
  const auto role = [](bool controls) {
    return controls ? ice::Role::kControlling : ice::Role::kControlled;
  };
  a_ = AddAgent("host-a", grid_case.a.empty() ? shared : lan_a,
                role(a_controls));
  b_ = AddAgent("host-b", grid_case.b.empty() ? shared : lan_b,
                role(!a_controls));
  a_->Connect(*b_, kSignallingDelay);
  b_->Connect(*a_, kSignallingDelay);
}

Segment Lab::AddSegment(const std::string& name, const LinkConfig& link) {
  Segment segment;
  const std::array<uint8_t, 3> prefix =
      segments_ == 0 ? std::array<uint8_t, 3>{198, 51, 100}
                     : std::array<uint8_t, 3>{10, segments_, 0};
  ++segments_;
  std::ranges::copy(prefix, segment.prefix);
  segment.gateway = IpAddress::V4(prefix[0], prefix[1], prefix[2], 1);
  segment.id =
      world_.AddNetwork(name, *IpPrefix::Make(segment.gateway, 24), link);
  return segment;
}

Segment Lab::AddBoxes(const std::string& name, Segment& outside,
                      const std::vector<BoxSpec>& boxes) {
  Segment segment = outside;
  for (size_t i = 0; i < boxes.size(); ++i) {
    const bool is_last = i + 1 == boxes.size() && name != "shared";
    const std::string number = std::to_string(i + 1);
    Segment inside = AddSegment(name + "-net" + number,
                                is_last ? LinkConfig{.delay = kLanDelay}
                                        : LinkConfig{.delay = kLanDelay * 10});
    NatConfig config;
    config.mapping = boxes[i].mapping;
    config.filtering = boxes[i].filtering;
    config.hairpinning = boxes[i].hairpinning;
    config.port_assignment = PortAssignment::kRandom;
    config.external = {i == 0 ? outside.NextAddress() : segment.NextAddress()};
    config.inside_address = inside.gateway;
    world_.AddBox(name + "-nat" + number, inside.id, segment.id, config);
    segment = inside;
  }
  return segment;
}

std::unique_ptr<IceProgram> Lab::AddAgent(const std::string& name,
                                          Segment& segment, ice::Role role) {
  const HostId host = world_.AddHost(name);
  const Endpoint base{.address = segment.NextAddress(), .port = kBasePort};
  NATKIT_CHECK(world_.AddAddress(host, segment.id, base.address));
  ice::AgentConfig config;
  if (spec_.agent == AgentKind::kMesh) {
    config = ice::AgentConfig::Mesh(role);
  }
  config.role = role;
  config.stun_servers = {server_};
  auto program = std::make_unique<IceProgram>(world_, host, std::move(config),
                                              DeriveSeed(seed_, name),
                                              [this] { OnChange(); });
  NATKIT_CHECK(world_.Attach(host, *program, kBasePort));
  (name == "host-a" ? base_a_ : base_b_) = base;
  return program;
}

PunchResult Lab::Run() {
  // One of them is up to 300 ms later than the other.
  SimRng rng(DeriveSeed(seed_, "skew"));
  const Duration skew = milliseconds(rng.NextBelow(kMaxSkewMs));
  const bool a_first = rng.Chance(0.5);
  a_->Gather(base_a_);
  b_->Gather(base_b_);
  world_.At(Instant{} + kGatherTime,
            [this, a_first] { (a_first ? a_ : b_)->Start(); });
  world_.At(Instant{} + kGatherTime + skew,
            [this, a_first] { (a_first ? b_ : a_)->Start(); });
  world_.Run(kGatherTime + LimitOf(spec_.agent));
  PunchResult result{.found = found(),
                     .simulated = world_.now() - Instant{},
                     .packets = world_.counters().sent};
  if (result.found == Found::kDirect) {
    result.took = world_.now() - std::max(*a_->started_at(), *b_->started_at());
  }
  return result;
}

void Lab::OnChange() {
  const bool both_failed = a_->agent().state() == ice::AgentState::kFailed &&
                           b_->agent().state() == ice::AgentState::kFailed;
  if (both_failed || found() == Found::kDirect) {
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

PunchResult Punch(const PunchSpec& spec, PcapngWriter* trace) {
  return Lab(spec, trace).Run();
}

}  // namespace natkit::netsim::grid
