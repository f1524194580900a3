#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "engine/fragment_table.h"
#include "engine/local_service.h"
#include "engine/nat_state.h"
#include "engine/pending_syns.h"
#include "engine/policy.h"
#include "ipv6/nat64_translate.h"
#include "ipv6/nptv6.h"
#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"
#include "natkit/netsim/nat_config.h"
#include "natkit/netsim/nat_engine.h"
#include "natkit/netsim/packet.h"
#include "natkit/netsim/sim_rng.h"

namespace natkit::netsim::engine {

/// A packet on its way through the box.
struct Transit {
  Side from = Side::kInside;
  MutableBytes bytes;  ///< exactly the packet
  PacketInfo info;
};

/// The whole machine behind NatEngine, whose functions are documented there.
///
/// A packet is first routed: one of the Route functions decides where it
/// leaves and rewrites it, or consumes it. What leaves then loses one from its
/// TTL and is cut if the link needs that. Nothing is rewritten before it is
/// certain that the packet leaves, so that errors quote what arrived.
class Box : public ForwardControl {
 public:
  Box(NatConfig config, uint64_t seed, Instant start);
  Box(const Box&) = delete;
  Box& operator=(const Box&) = delete;

  [[nodiscard]] std::optional<Side> Process(Instant now, Side from,
                                            MutableBytes bytes);
  [[nodiscard]] std::optional<EnginePacket> PollTransmit();
  [[nodiscard]] std::optional<Instant> NextTimeout() const;
  void HandleTimeout(Instant now);
  void Reboot(Instant now, std::optional<IpAddress> new_external);

  void SetUdpBlocked(bool is_blocked) { is_udp_blocked_ = is_blocked; }

  [[nodiscard]] Result<Endpoint> AddForward(
      Instant now, const ForwardRequest& request) override;
  [[nodiscard]] Result<Endpoint> AddPeer(Instant now, uint8_t protocol,
                                         const Endpoint& inside,
                                         const Endpoint& remote) override;
  bool RemoveForward(Instant now, uint8_t protocol,
                     const Endpoint& inside) override;
  [[nodiscard]] std::vector<MappingView> Mappings(Instant now) const override;

  [[nodiscard]] const IpAddress& external_address() const override {
    return state_.pool().primary();
  }

  [[nodiscard]] const NatState& state() const { return state_; }

  [[nodiscard]] const NatCounters& counters() const { return counters_; }

  [[nodiscard]] const NatConfig& config() const { return config_; }

 private:
  using Route = std::optional<Side>;

  /// RFC 6296: outwards, and back.
  struct Nptv6 {
    ipv6::PrefixTranslation out;
    ipv6::PrefixTranslation in;
  };

  // box.cc: life, and what all packets share.
  Instant Advance(Instant now);
  void LoseState(Instant now);
  void AddStaticForwards(Instant now);
  Route RouteAny(Transit& packet);
  Route Finish(Transit& packet, Route route);
  void Count(Side from, Side to);
  void Queue(Side to, std::vector<uint8_t> bytes);
  void DrainServices();
  /// Where ports stay: the external endpoint of an inside one. Nothing where
  /// the port allocator chooses. Errors: kBadValue (no such inside host),
  /// kLimitExceeded (no address left).
  [[nodiscard]] Result<std::optional<Endpoint>> FixedExternalOf(
      const Endpoint& inside);

  // box_v4.cc: packets between the sides.
  Route RouteV4(Transit& packet);
  Route RouteFromInside(Transit& packet);
  Route RouteFromOutside(Transit& packet);
  Route RouteOut(Transit& packet);
  Route RouteIn(Transit& packet);
  Route RouteHairpin(Transit& packet);
  Route RouteUntranslated(const Transit& packet, Side to);
  [[nodiscard]] bool HasAlg(const PacketInfo& info) const;
  Route RouteByAlg(Transit& packet, const Endpoint& from, const Endpoint& to);
  [[nodiscard]] bool CanTranslate(const PacketInfo& info) const;
  [[nodiscard]] bool IsExempt(const IpAddress& remote) const;
  [[nodiscard]] std::optional<Endpoint> ExternalOf(Transit& packet);
  [[nodiscard]] std::optional<Endpoint> MapOut(const Transit& packet,
                                               const OutboundPacket& flow);
  [[nodiscard]] bool IsKnownInbound(const PacketInfo& info) const;
  [[nodiscard]] std::optional<Endpoint> InsideOf(Transit& packet,
                                                 const Endpoint& remote);
  [[nodiscard]] std::optional<Endpoint> MapIn(Transit& packet,
                                              const InboundPacket& flow);
  void RefuseUnsolicited(Transit& packet, const Endpoint& remote,
                         Verdict verdict);
  void RefuseDueSyns();

  // box_icmp.cc: errors made and errors translated.
  /// Whether the packet may leave there; if not, its sender is told.
  [[nodiscard]] bool CanLeave(const Transit& packet, Side to) {
    return !IsObstructed(packet, to) || !ReportObstruction(packet, to);
  }

  [[nodiscard]] bool IsObstructed(const Transit& packet, Side to) const {
    return (config_.decrement_ttl && packet.info.ttl <= 1) ||
           packet.info.total_size > MtuOf(to);
  }

  /// False if the packet can be cut to fit.
  bool ReportObstruction(const Transit& packet, Side to);
  void SendError(const Transit& packet, uint8_t type, uint8_t code,
                 uint32_t rest);
  Route RouteErrorIn(Transit& packet);
  Route RouteErrorOut(Transit& packet);
  Route RouteErrorHairpin(Transit& packet);
  [[nodiscard]] bool TranslateErrorIn(Transit& packet);
  [[nodiscard]] bool TranslateErrorOut(Transit& packet);
  [[nodiscard]] bool CheckError(const Transit& packet);
  [[nodiscard]] std::optional<Endpoint> InsideOfQuoted(
      const PacketInfo& quoted) const;
  [[nodiscard]] std::optional<Endpoint> ExternalOfQuoted(
      const PacketInfo& quoted);

  // box_fragments.cc
  Route RouteLaterFragment(Transit& packet);
  Route ApplyFragmentRule(Transit& packet, const FragmentRule& rule);
  Route HandleFirstFragment(const FragmentKey& key, Transit& packet, Side to);

  // box_local.cc: packets to the box itself.
  [[nodiscard]] bool IsForBox(const Transit& packet) const;
  void DeliverLocally(Transit& packet);
  void AnswerEcho(const Transit& packet);
  void Reject(const Transit& packet);
  [[nodiscard]] const IpAddress& OwnAddress(Side side, bool is_v4) const;

  // box_v6.cc
  Route RouteV6(Transit& packet);
  Route RouteV6Out(Transit& packet);
  [[nodiscard]] static std::optional<Nptv6> MakeNptv6(const NatConfig& config);

  // box_nat64.cc
  Route RouteNat64(Transit& packet);
  Route RouteNat64FromInside(Transit& packet);
  Route RouteNat64FromOutside(Transit& packet);
  void RouteNat64Out(Transit& packet, const IpAddress& remote);
  void RouteNat64In(Transit& packet);
  Route RouteNat64Hairpin(Transit& packet, const IpAddress& external);
  void RouteNat64ErrorIn(Transit& packet);
  void RouteNat64ErrorOut(Transit& packet);
  Route RouteNat64ErrorHairpin(Transit& packet);
  [[nodiscard]] std::optional<ipv6::Ends> Nat64EndsOfQuoted(
      const Transit& packet);
  [[nodiscard]] bool IsRefusedByNat64(const Transit& packet);
  [[nodiscard]] bool CanCross(const Transit& packet);
  void Cross(Transit& packet, const ipv6::Ends& ends);
  void CrossLaterFragment(const Transit& packet, const FragmentRule& rule);
  void CrossAs(const Transit& packet, const ipv6::Ends& ends, uint16_t id);
  void Launch(Side from, std::vector<uint8_t> bytes, size_t mtu);
  void LaunchError(const Transit& packet, std::vector<uint8_t> bytes);

  [[nodiscard]] ipv6::LinkMtus LinkMtusOfNat64() const {
    return {.v4 = config_.outside_mtu, .v6 = config_.inside_mtu};
  }

  [[nodiscard]] bool HasNat64() const {
    return config_.translation == Translation::kNat64;
  }

  // What is done to addresses of the packet's family.
  /// The port allocator chooses the external endpoint.
  [[nodiscard]] bool HasNapt(const PacketInfo& info) const {
    return HasNat64() ||
           (info.is_v4() && config_.translation == Translation::kNapt);
  }

  /// NAPT of packets without ports.
  [[nodiscard]] bool IsSharedPortless(const PacketInfo& info) const {
    return config_.other_protocols == OtherProtocols::kTranslateAddress &&
           config_.translation == Translation::kNapt && info.is_v4() &&
           IsPortless(info.protocol);
  }

  /// Nothing is done to them.
  [[nodiscard]] bool IsUntranslated(const PacketInfo& info) const {
    return info.is_v4() ? config_.translation == Translation::kNone
                        : config_.ipv6 != Ipv6Mode::kNptv6;
  }

  /// A rule does it and nothing is filtered: no packet needs state.
  [[nodiscard]] bool IsStateless(const PacketInfo& info) const {
    return !HasNapt(info) &&
           (config_.filtering == Dependence::kEndpointIndependent ||
            (!info.is_v4() && config_.ipv6 == Ipv6Mode::kRoute));
  }

  // The rule, where there is no NAPT. nullopt: no address left, or nobody has
  // it.
  [[nodiscard]] std::optional<IpAddress> ExternalAddressOf(
      const IpAddress& inside);
  [[nodiscard]] std::optional<IpAddress> InsideAddressOf(
      const IpAddress& external) const;

  [[nodiscard]] uint16_t MtuOf(Side side) const {
    return side == Side::kInside ? config_.inside_mtu : config_.outside_mtu;
  }

  NatConfig config_;
  const std::optional<Nptv6> nptv6_;
  NatCounters counters_;
  SimRng rng_;
  NatState state_;
  FragmentTable fragments_;
  PendingSyns pending_syns_;
  std::vector<std::unique_ptr<LocalService>> services_;
  std::deque<EnginePacket> queue_;
  Instant now_ = Instant::min();
  std::optional<Instant> next_rotation_;
  uint16_t next_fragment_id_;
  bool is_udp_blocked_ = false;
};

// Rewriting with the identifier of an ICMP query as the port of the one who
// asks: the source of a request, the destination of a reply.
void SetSource(MutableBytes bytes, PacketInfo& info, const Endpoint& to);
void SetDestination(MutableBytes bytes, PacketInfo& info, const Endpoint& to);

}  // namespace natkit::netsim::engine
