#include "world_lab.h"

#include <chrono>
#include <utility>

#include "natkit/base/check.h"
#include "natkit/netsim/sim_rng.h"
#include "natkit/netsim/world.h"

namespace natkit::natcheck::conformance {
namespace {

using netsim::HostId;
using netsim::NatConfig;
using netsim::NetworkId;
using netsim::World;

constexpr size_t kInsideHosts = 10;
constexpr size_t kOutsideAddresses = 4;
constexpr IpAddress kExempt = IpAddress::V4(198, 51, 100, 105);
constexpr IpAddress kConflict = IpAddress::V4(10, 0, 0, 200);
constexpr uint16_t kOutsideMtu = 1400;
constexpr Duration kLanDelay = std::chrono::microseconds(500);

IpPrefix Prefix(const char* text) {
  return IpPrefix::Parse(text).value_or(IpPrefix());
}

/// Both agents in one: it hands packets to the Controller and takes its.
class Agents {
 public:
  Agents(World& world, Controller& controller)
      : world_(world), controller_(controller) {}

  /// One side.
  class Tap final : public netsim::Actor {
   public:
    Tap(Agents& agents, Side side, std::string name)
        : agents_(agents),
          side_(side),
          host_(agents.world_.AddHost(std::move(name))) {
      agents.world_.AttachTap(host_, *this);
    }

    void HandleDatagram(Instant /*now*/, const Endpoint& /*local*/,
                        const Endpoint& /*from*/,
                        ByteView /*payload*/) override {}

    void HandlePacket(Instant now, ByteView packet) override {
      agents_.controller_.HandlePacket(now, side_, packet);
      agents_.Pump();
    }

    [[nodiscard]] std::optional<Instant> NextTimeout() const override {
      return std::nullopt;
    }

    [[nodiscard]] HostId host() const { return host_; }

   private:
    Agents& agents_;
    Side side_;
    HostId host_;
  };

  Tap& inside() { return inside_; }

  Tap& outside() { return outside_; }

  /// Sends what is to be sent.
  void Pump() {
    while (auto injection = controller_.PollTransmit()) {
      const Tap& tap = injection->side == Side::kInside ? inside_ : outside_;
      (void)world_.SendRaw(tap.host(), injection->packet);
    }
  }

  void Run() {
    while (!controller_.is_done()) {
      const auto next = controller_.NextTimeout();
      NATKIT_CHECK(next.has_value());
      Duration limit = *next - world_.now();
      limit = std::max(limit, Duration(1));
      world_.Run(limit, [this, next] {
        return controller_.is_done() || controller_.NextTimeout() != next;
      });
      if (world_.now() >= *next && !controller_.is_done()) {
        controller_.HandleTimeout(world_.now());
        Pump();
      }
    }
  }

 private:
  World& world_;
  Controller& controller_;
  Tap inside_{*this, Side::kInside, "inside"};
  Tap outside_{*this, Side::kOutside, "outside"};
};

/// Gives the boxes their addresses and builds the networks around them:
/// 10.0.0.0/24 or 2001:db8::/64 inside, 10.1.0.0/24 between boxes,
/// 198.51.100.0/24 outside.
class Builder {
 public:
  Builder(const Chain& chain, const WorldOptions& options)
      : chain_(chain), options_(options), is_nat64_(IsNat64(chain)) {}

  [[nodiscard]] Site MakeSite() const {
    Site site;
    for (size_t i = 0; i < kInsideHosts; ++i) {
      const auto last = static_cast<uint8_t>(i + 2);
      site.inside.push_back(
          is_nat64_ ? IpAddress::V6({0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0,
                                     0, 0, 0, 0, 0, last})
                    : IpAddress::V4(10, 0, 0, last));
    }
    for (size_t i = 0; i < kOutsideAddresses; ++i) {
      site.outside.push_back(
          IpAddress::V4(198, 51, 100, static_cast<uint8_t>(i + 101)));
    }
    if (is_nat64_) {
      site.nat64_prefix = chain_.boxes.front().nat64_prefix;
    }
    if (chain_.names_exempt) {
      site.exempt = kExempt;
    }
    if (HasConflict()) {
      site.conflict = kConflict;
    }
    if (chain_.names_pool) {
      for (const IpAddress& address :
           WithAddresses(chain_.boxes.size() - 1, true).external) {
        site.pool.push_back({address, address});
      }
    }
    if (chain_.boxes.size() == 1) {  // else the inside hosts are not the
                                     // carrier's subscribers
      const NatConfig box = WithAddresses(0, true);
      site.pcp_server = is_nat64_ ? *box.inside_address6 : box.inside_address;
    }
    return site;
  }

  void Build(World& world, Agents& agents, const Site& site) {
    const netsim::LinkConfig lan = {.delay = kLanDelay,
                                    .loss = options_.loss / 2};
    const netsim::LinkConfig wan = {.delay = options_.delay,
                                    .jitter = options_.jitter,
                                    .loss = options_.loss / 2,
                                    .duplicate = options_.duplicate,
                                    .reorder = options_.reorder,
                                    .reorder_delay = options_.reorder_delay};
    const NetworkId inside = world.AddNetwork("lan", Prefix("10.0.0.0/24"), lan,
                                              Prefix("2001:db8::/64"));
    NetworkId below = inside;
    for (size_t i = 0; i < chain_.boxes.size(); ++i) {
      const bool is_last = i + 1 == chain_.boxes.size();
      const NetworkId above =
          is_last ? world.AddNetwork("internet", Prefix("198.51.100.0/24"), wan)
                  : world.AddNetwork("carrier", Prefix("10.1.0.0/24"), {});
      world.AddBox("box" + std::to_string(i + 1), below, above,
                   WithAddresses(i, is_last));
      below = above;
    }
    for (const IpAddress& address : site.inside) {
      NATKIT_CHECK(world.AddAddress(agents.inside().host(), inside, address));
    }
    for (const IpAddress& address : site.outside) {
      NATKIT_CHECK(world.AddAddress(agents.outside().host(), below, address));
    }
    NATKIT_CHECK(world.AddAddress(agents.outside().host(), below, kExempt));
    if (HasConflict()) {
      NATKIT_CHECK(world.AddAddress(agents.outside().host(), below, kConflict));
    }
  }

 private:
  static bool IsNat64(const Chain& chain) {
    return chain.boxes.front().translation == netsim::Translation::kNat64;
  }

  [[nodiscard]] bool HasConflict() const {
    return chain_.has_conflict && !is_nat64_;
  }

  [[nodiscard]] NatConfig WithAddresses(size_t index, bool is_last) const {
    NatConfig config = chain_.boxes[index];
    config.inside_address =
        IpAddress::V4(10, static_cast<uint8_t>(index), 0, 1);
    if (is_nat64_) {
      config.inside_address6 = IpAddress::V6(
          {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
    }
    config.external.clear();
    for (size_t i = 0; i < (is_last ? chain_.pool : 1); ++i) {
      const size_t gap = chain_.has_gap && i >= chain_.pool / 2 ? 50 : 0;
      const auto last = static_cast<uint8_t>(i + 2 + gap);
      config.external.push_back(is_last ? IpAddress::V4(198, 51, 100, last)
                                        : IpAddress::V4(10, 1, 0, last));
    }
    if (config.ipv6 != netsim::Ipv6Mode::kDrop) {
      config.inside_prefix6 = Prefix("2001:db8::/64");
    }
    return config;
  }

  const Chain& chain_;
  const WorldOptions& options_;
  bool is_nat64_;
};

/// So many external addresses that the profile's pooling shows.
size_t PoolOf(const NatConfig& last) {
  if (last.translation == netsim::Translation::kOneToOne) {
    return 16;
  }
  const bool is_carrier = last.pooling == netsim::Pooling::kArbitrary ||
                          last.address_lifetime > Duration::zero() ||
                          last.limits.mappings_per_host != 0;
  return is_carrier ? 4 : 1;
}

}  // namespace

Chain MakeChain(const netsim::ProfileInfo& profile) {
  Chain chain;
  chain.boxes.push_back(profile.make());
  if (!profile.carrier.empty()) {
    chain.boxes.push_back(netsim::FindProfile(profile.carrier)->make());
  }
  NatConfig& last = chain.boxes.back();
  if (last.outside_mtu == NatConfig().outside_mtu) {
    last.outside_mtu = kOutsideMtu;
  }
  chain.pool = PoolOf(last);
  return chain;
}

RunResult RunInWorld(const Chain& chain, const Options& options,
                     const WorldOptions& world_options) {
  netsim::SimRng rng(netsim::DeriveSeed(world_options.seed, "conformance"));
  Builder builder(chain, world_options);
  const Site site = builder.MakeSite();
  World world(world_options.seed);
  Options known = options;
  if (!site.conflict) {
    known.stated.try_emplace("4787-7", Verdict::kNotApplicable,
                             "a simulated box has fixed outside addresses");
  }
  Controller controller(site, known, rng);
  Agents agents(world, controller);
  builder.Build(world, agents, site);
  world.SetTrace(world_options.trace);
  controller.Start(world.now());
  agents.Pump();
  agents.Run();
  return {.findings = controller.findings(),
          .facts = controller.facts(),
          .took = world.now() - Instant{}};
}

}  // namespace natkit::natcheck::conformance
