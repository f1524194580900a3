// The packet filter under random rules, packets and times, against a slow model
// that is obvious: a list of rules, and a list of the packets that passed.
//
// A packet that is accepted needs a rule in its direction, or an earlier
// accepted packet between the same ends that a rule still allows. A packet that
// may begin a flow and that a rule allows is accepted.

#include <algorithm>
#include <map>
#include <optional>
#include <vector>

#include "filter/packet.h"
#include "filter_packets.h"
#include "natkit/base/check.h"
#include "natkit/mesh/packet_filter.h"

namespace natkit::mesh {
namespace {

using testing::Packet;

constexpr int64_t kMonday = 1'795'392'000;

class Choices {
 public:
  explicit Choices(ByteView bytes) : in_(bytes) {}

  [[nodiscard]] bool is_over() const { return in_.is_empty(); }

  /// 0 at the end of the input.
  uint8_t Byte() {
    uint8_t value = 0;
    (void)in_.ReadU8(value);
    return value;
  }

  uint8_t Below(uint8_t bound) { return static_cast<uint8_t>(Byte() % bound); }

  Packet Bytes(size_t size) {
    ByteView view;
    (void)in_.ReadView(std::min(size, in_.remaining()), view);
    return {view.begin(), view.end()};
  }

 private:
  ByteReader in_;
};

// Few addresses and ports, so that they meet.
IpAddress AnyAddress(Choices& in, AddressFamily family) {
  const uint8_t host = in.Below(6);
  if (family == AddressFamily::kIpv4) {
    return host == 5 ? IpAddress::V4(224, 0, 0, 1)
                     : IpAddress::V4(100, 64, 0, host);
  }
  std::array<uint8_t, 16> bytes{0xfd};
  bytes[0] = host == 5 ? 0xff : 0xfd;
  bytes[15] = host;
  return IpAddress::V6(bytes);
}

AddressFamily AnyFamily(Choices& in) {
  return in.Below(2) == 0 ? AddressFamily::kIpv4 : AddressFamily::kIpv6;
}

std::vector<IpPrefix> AnyPrefixes(Choices& in) {
  std::vector<IpPrefix> prefixes;
  for (int i = in.Below(4); i > 0; --i) {
    const auto ip = AnyAddress(in, AnyFamily(in));
    const int length = ip.bit_count() - in.Below(4);
    prefixes.push_back(
        IpPrefix::Make(ip, in.Below(16) == 0 ? 0 : length).value());
  }
  return prefixes;
}

ZonedWindow AnyWindow(Choices& in) {
  static const auto kUtc = std::make_shared<const ZoneRules>(FixedZone(0));
  return {.window = {.days = static_cast<uint8_t>(1 + in.Below(0x7f)),
                     .from_minute = static_cast<uint16_t>(in.Below(24) * 60),
                     .to_minute = static_cast<uint16_t>(in.Below(25) * 60),
                     .zone = {}},
          .rules = kUtc};
}

FilterRule AnyRule(Choices& in) {
  FilterRule rule;
  rule.id = in.Below(6);
  rule.sources = AnyPrefixes(in);
  rule.destinations = AnyPrefixes(in);
  for (int i = in.Below(3); i > 0; --i) {
    const uint8_t first = in.Below(6);
    rule.ports.push_back({first, static_cast<uint16_t>(first + in.Below(3))});
  }
  static constexpr std::array<uint8_t, 6> kProtocols{1, 6, 17, 47, 58, 132};
  for (int i = in.Below(3); i > 0; --i) {
    rule.protocols.push_back(kProtocols[in.Below(6)]);
  }
  if (in.Below(4) == 0) {
    rule.windows.push_back(AnyWindow(in));
  }
  return rule;
}

Packet AnyPayload(Choices& in, uint8_t& protocol) {
  const uint8_t from = in.Below(6);
  const uint8_t to = in.Below(6);
  switch (in.Below(5)) {
    case 0:
      protocol = 6;
      return testing::TcpPayload(from, to, in.Byte(), in.Below(32));
    case 1:
      protocol = 132;
      return testing::UdpPayload(from, to, 4);
    case 2:
      protocol = in.Below(2) == 0 ? 1 : 58;
      return testing::IcmpPayload(in.Byte(), in.Bytes(4 + in.Below(80)));
    case 3:
      protocol = 47;
      return in.Bytes(in.Below(16));
    default:
      protocol = 17;
      return testing::UdpPayload(from, to, in.Below(32));
  }
}

Packet AnyIpPacket(Choices& in) {
  const auto family = AnyFamily(in);
  const auto from = AnyAddress(in, family);
  const auto to = AnyAddress(in, family);
  uint8_t protocol = 0;
  const Packet payload = AnyPayload(in, protocol);
  const uint8_t shape = in.Below(8);
  if (shape > 1 || family == AddressFamily::kIpv4) {
    const auto fragment = static_cast<uint16_t>(
        shape == 0 ? in.Below(8) | (in.Below(2) << 13) : 0);
    return testing::IpPacket(
        from, to, protocol, payload,
        {.id = in.Below(2), .fragment = fragment, .options = {}});
  }
  if (shape == 0) {
    const size_t begin = in.Below(8) * size_t{8};
    return testing::IpPacket(
        from, to, 44,
        testing::FragmentHeader(protocol, begin, in.Below(2) == 0, in.Below(2),
                                payload));
  }
  Packet extended{protocol, 0, 0, in.Below(2), 0, 0, 0, 0};
  testing::Append(extended, payload);
  return testing::IpPacket(from, to, in.Below(2) == 0 ? 60 : 43, extended);
}

// A question of a rule: may this begin a flow?
struct Opening {
  Direction direction = Direction::kInbound;
  PacketFacts facts;
};

// The rules as they were given, and what passed.
class Model {
 public:
  void Put(Direction direction, const FilterRule& rule) {
    rules_[{direction, rule.id}] = rule;
  }

  void Remove(Direction direction, uint64_t id) {
    rules_.erase({direction, id});
  }

  [[nodiscard]] bool Allows(const Opening& opening,
                            std::optional<int64_t> time) const {
    return std::ranges::any_of(rules_, [&](const auto& entry) {
      return entry.first.first == opening.direction &&
             RuleAllows(entry.second, opening.facts, time);
    });
  }

  void Remember(const Opening& opening) { passed_.push_back(opening); }

  // Whether something that passed and is still allowed explains a packet
  // between these ends, either way, by any protocol and port.
  [[nodiscard]] bool Explains(const Opening& packet,
                              std::optional<int64_t> time) const {
    return std::ranges::any_of(passed_, [&](const Opening& earlier) {
      return IsSameFlow(earlier, packet) && Allows(earlier, time);
    });
  }

  // The same for what is about another packet: an ICMP error to `to`.
  [[nodiscard]] bool ExplainsError(Direction direction, const IpAddress& to,
                                   std::optional<int64_t> time) const {
    return std::ranges::any_of(passed_, [&](const Opening& earlier) {
      const auto& from_here = earlier.direction == direction
                                  ? earlier.facts.destination
                                  : earlier.facts.source;
      return from_here == to && Allows(earlier, time);
    });
  }

 private:
  static bool IsInside(const std::vector<IpPrefix>& prefixes,
                       const IpAddress& ip) {
    return std::ranges::any_of(
        prefixes, [&](const IpPrefix& prefix) { return prefix.Contains(ip); });
  }

  static bool IsOpenAt(const FilterRule& rule, std::optional<int64_t> time) {
    return rule.windows.empty() ||
           (time && std::ranges::any_of(rule.windows, [&](const auto& window) {
              return IsOpen(window, *time);
            }));
  }

  static bool ProtocolAllows(const FilterRule& rule, const PacketFacts& facts) {
    static const std::vector<uint8_t> kUsual{1, 6, 17, 58};
    const auto& listed = rule.protocols.empty() ? kUsual : rule.protocols;
    if (std::ranges::count(listed, facts.protocol) == 0) {
      return false;
    }
    return rule.ports.empty() ||
           (facts.kind == PacketKind::kPorts &&
            std::ranges::any_of(rule.ports, [&](const PortRange& range) {
              return range.first <= facts.destination_port &&
                     facts.destination_port <= range.last;
            }));
  }

  static bool RuleAllows(const FilterRule& rule, const PacketFacts& facts,
                         std::optional<int64_t> time) {
    return IsOpenAt(rule, time) && IsInside(rule.sources, facts.source) &&
           IsInside(rule.destinations, facts.destination) &&
           (facts.kind == PacketKind::kEchoRequest ||
            ProtocolAllows(rule, facts));
  }

  static bool IsSameFlow(const Opening& a, const Opening& b) {
    const bool same_way = a.direction == b.direction;
    const auto& x = a.facts;
    const auto& y = b.facts;
    if (x.protocol != y.protocol) {
      return false;
    }
    return same_way ? x.source == y.source && x.destination == y.destination &&
                          x.source_port == y.source_port &&
                          x.destination_port == y.destination_port
                    : x.source == y.destination && x.destination == y.source &&
                          x.source_port == y.destination_port &&
                          x.destination_port == y.source_port;
  }

  std::map<std::pair<Direction, uint64_t>, FilterRule> rules_;
  std::vector<Opening> passed_;
};

class Session {
 public:
  explicit Session(ByteView bytes) : in_(bytes) {}

  void Run() {
    while (!in_.is_over() && ++steps_ < 400) {
      Step();
      const auto counters = filter_.counters();
      NATKIT_CHECK(counters.flows <= kMaxFlows);
      NATKIT_CHECK(counters.flows_made ==
                   counters.flows + counters.flows_expired +
                       counters.flows_evicted + counters.flows_revoked);
    }
  }

 private:
  static constexpr uint32_t kMaxFlows = 8;

  [[nodiscard]] std::optional<int64_t> UnixTime() const {
    if (!unix_base_) {
      return std::nullopt;
    }
    return *unix_base_ +
           std::chrono::floor<std::chrono::seconds>(now_.time_since_epoch())
               .count();
  }

  Direction AnyDirection() {
    return in_.Below(2) == 0 ? Direction::kInbound : Direction::kOutbound;
  }

  void Step() {
    switch (in_.Below(12)) {
      case 0:
        return Update();
      case 1:
        now_ += std::chrono::seconds{in_.Byte() * 60};
        return filter_.HandleTimeout(now_);
      case 2:
        now_ += std::chrono::seconds{in_.Byte() * 10};
        return;
      case 3:
        return SetClock();
      case 4: {
        const auto prefixes = AnyPrefixes(in_);
        return filter_.DropFlowsOf(prefixes);
      }
      case 5:
        return CheckRaw();
      default:
        return CheckPacket(AnyDirection(), AnyIpPacket(in_));
    }
  }

  void Update() {
    FilterUpdate update;
    for (int i = in_.Below(3); i > 0; --i) {
      update.removals.push_back({AnyDirection(), in_.Below(6)});
    }
    for (int i = in_.Below(3); i > 0; --i) {
      update.puts.push_back({AnyDirection(), AnyRule(in_)});
    }
    NATKIT_CHECK(filter_.Apply(now_, update));
    for (const auto& removal : update.removals) {
      model_.Remove(removal.direction, removal.id);
    }
    for (const auto& put : update.puts) {
      model_.Put(put.direction, put.rule);
    }
  }

  void SetClock() {
    unix_base_ =
        kMonday + in_.Byte() * 3600 -
        std::chrono::floor<std::chrono::seconds>(now_.time_since_epoch())
            .count();
    filter_.SetUnixTime(now_, *UnixTime());
  }

  void CheckRaw() {
    const auto packet = in_.Bytes(in_.Byte());
    CheckPacket(AnyDirection(), packet);
  }

  void CheckPacket(Direction direction, const Packet& packet) {
    const uint32_t peer = in_.Below(2) == 0 ? kNoPeer : in_.Below(3);
    const Verdict verdict = filter_.Check(now_, direction, packet, peer);
    const auto facts = ParsePacket(packet);
    if (!facts) {
      NATKIT_CHECK(verdict == facts.error());
      return;
    }
    Judge({direction, *facts}, verdict);
  }

  static bool IsBeginning(const PacketFacts& facts) {
    if (facts.protocol == kProtocolTcp && facts.kind == PacketKind::kPorts) {
      return (facts.tcp_flags & kTcpRst) == 0 &&
             (facts.tcp_flags & (kTcpSyn | kTcpAck)) != (kTcpSyn | kTcpAck);
    }
    return facts.kind != PacketKind::kEchoReply &&
           facts.kind != PacketKind::kIcmpError &&
           facts.kind != PacketKind::kLaterFragment;
  }

  void Judge(const Opening& packet, Verdict verdict) {
    const auto& facts = packet.facts;
    const bool is_accepted = verdict == Verdict::kAccept;
    const auto time = UnixTime();
    const bool is_allowed =
        IsBeginning(facts) && IsTunnelAddress(facts.source) &&
        IsTunnelAddress(facts.destination) && model_.Allows(packet, time);
    // Only the place of a fragment may still speak against it.
    NATKIT_CHECK(!is_allowed || is_accepted ||
                 (facts.fragment && verdict == Verdict::kBadFragment));
    if (is_allowed) {
      model_.Remember(packet);
      Remember(packet, verdict);
      return;
    }
    if (!is_accepted) {
      return;
    }
    NATKIT_CHECK(IsTunnelAddress(facts.source));
    NATKIT_CHECK(IsTunnelAddress(facts.destination));
    if (facts.kind == PacketKind::kLaterFragment) {
      NATKIT_CHECK(HasFirst(packet));
    } else if (facts.kind == PacketKind::kIcmpError) {
      NATKIT_CHECK(
          model_.ExplainsError(packet.direction, facts.destination, time));
    } else {
      NATKIT_CHECK(model_.Explains(packet, time));
    }
    Remember(packet, verdict);
  }

  void Remember(const Opening& packet, Verdict verdict) {
    if (verdict == Verdict::kAccept && packet.facts.fragment &&
        packet.facts.fragment->begin == 0) {
      firsts_.push_back(packet);
    }
  }

  [[nodiscard]] bool HasFirst(const Opening& later) const {
    const auto& place = *later.facts.fragment;
    return std::ranges::any_of(firsts_, [&](const Opening& first) {
      return first.direction == later.direction &&
             first.facts.source == later.facts.source &&
             first.facts.destination == later.facts.destination &&
             first.facts.fragment->id == place.id &&
             first.facts.fragment->protocol == place.protocol &&
             first.facts.fragment->end <= place.begin;
    });
  }

  Choices in_;
  SeededRng rng_{1};
  PacketFilter filter_{FilterConfig{.max_flows = kMaxFlows, .timeouts = {}},
                       rng_};
  Model model_;
  std::vector<Opening> firsts_;
  Instant now_{std::chrono::hours{1}};
  std::optional<int64_t> unix_base_;
  int steps_ = 0;
};

}  // namespace
}  // namespace natkit::mesh

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  natkit::mesh::Session({data, size}).Run();
  return 0;
}
