#include "case_scenario.h"

#include <array>
#include <chrono>
#include <string>
#include <vector>

namespace natkit::netsim::grid {
namespace {

constexpr Duration kLanDelay = std::chrono::microseconds(300);
constexpr uint16_t kStunPort = 3478;
constexpr uint16_t kBasePort = 40001;

/// A network that hands out addresses: .1 to the box that leads out of it, the
/// others in turn.
struct Segment {
  std::string name;
  std::array<uint8_t, 3> prefix{};
  uint8_t next = 2;

  [[nodiscard]] IpAddress Address(uint8_t last) const {
    return IpAddress::V4(prefix[0], prefix[1], prefix[2], last);
  }

  [[nodiscard]] IpAddress NextAddress() { return Address(next++); }
};

class Builder {
 public:
  explicit Builder(const PunchSpec& spec) : spec_(spec) {}

  CaseScenario Build();

 private:
  [[nodiscard]] Segment AddSegment(const std::string& name,
                                   const LinkConfig& link);
  /// Puts boxes one inside the other; returns the innermost segment.
  [[nodiscard]] Segment AddBoxes(const std::string& name, Segment& outside,
                                 const std::vector<BoxSpec>& boxes);
  void AddBox(const std::string& name, const BoxSpec& spec,
              const Segment& inside, const std::string& outside,
              const IpAddress& external);
  [[nodiscard]] Endpoint AddHost(const std::string& name, Segment& segment,
                                 uint16_t port);

  const PunchSpec& spec_;
  CaseScenario result_;
  uint8_t segments_ = 0;
};

CaseScenario Builder::Build() {
  result_.scenario.name = "matrix";
  const LinkConfig wan = {
      .delay = spec_.delay, .jitter = spec_.delay / 10, .loss = spec_.loss};
  Segment internet = AddSegment("internet", wan);
  result_.server = AddHost("stun", internet, kStunPort);
  const GridCase& grid_case = spec_.grid_case;
  Segment common = AddBoxes("shared", internet, grid_case.shared);
  Segment& shared = grid_case.shared.empty() ? internet : common;
  Segment lan_a = AddBoxes("a", shared, grid_case.a);
  Segment lan_b = AddBoxes("b", shared, grid_case.b);
  result_.base_a =
      AddHost("host-a", grid_case.a.empty() ? shared : lan_a, kBasePort);
  result_.base_b =
      AddHost("host-b", grid_case.b.empty() ? shared : lan_b, kBasePort);
  return std::move(result_);
}

Segment Builder::AddSegment(const std::string& name, const LinkConfig& link) {
  Segment segment;
  segment.name = name;
  segment.prefix = segments_ == 0 ? std::array<uint8_t, 3>{198, 51, 100}
                                  : std::array<uint8_t, 3>{10, segments_, 0};
  ++segments_;
  Network network;
  network.name = name;
  network.cidr = *IpPrefix::Make(segment.Address(0), 24);
  network.link = link;
  result_.scenario.networks.push_back(std::move(network));
  return segment;
}

Segment Builder::AddBoxes(const std::string& name, Segment& outside,
                          const std::vector<BoxSpec>& boxes) {
  Segment segment = outside;
  for (size_t i = 0; i < boxes.size(); ++i) {
    const bool is_last = i + 1 == boxes.size() && name != "shared";
    const std::string number = std::to_string(i + 1);
    const LinkConfig link = {.delay = is_last ? kLanDelay : kLanDelay * 10};
    Segment inside = AddSegment(name + "-net" + number, link);
    AddBox(name + "-nat" + number, boxes[i], inside, segment.name,
           i == 0 ? outside.NextAddress() : segment.NextAddress());
    segment = inside;
  }
  return segment;
}

void Builder::AddBox(const std::string& name, const BoxSpec& spec,
                     const Segment& inside, const std::string& outside,
                     const IpAddress& external) {
  Nat nat;
  nat.name = name;
  nat.inside = inside.name;
  nat.outside = outside;
  nat.inside_address = inside.Address(1);
  nat.addresses = {external};
  nat.backend = Backend::kEngine;
  nat.config.mapping = spec.mapping;
  nat.config.filtering = spec.filtering;
  nat.config.hairpinning = spec.hairpinning;
  nat.config.port_assignment = spec.ports;
  nat.config.port_range = spec.range;
  nat.config.block_size = spec.block_size;
  nat.config.external = nat.addresses;
  nat.config.inside_address = nat.inside_address;
  result_.scenario.nats.push_back(std::move(nat));
}

Endpoint Builder::AddHost(const std::string& name, Segment& segment,
                          uint16_t port) {
  Host host;
  host.name = name;
  host.network = segment.name;
  host.address = segment.NextAddress();
  result_.scenario.hosts.push_back(host);
  return {.address = host.address, .port = port};
}

}  // namespace

CaseScenario MakeCaseScenario(const PunchSpec& spec) {
  return Builder(spec).Build();
}

}  // namespace natkit::netsim::grid
