// NatEngine under arbitrary packets at arbitrary times. The first bytes choose
// a configuration, the rest is a list of steps. Asserted after each: state
// within its limits, ports within their range, and whatever leaves parses and
// has right checksums if what came in had.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/check.h"
#include "natkit/netsim/nat_engine.h"
#include "natkit/netsim/packet.h"

namespace natkit::netsim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr IpAddress kGateway = IpAddress::V4(10, 0, 0, 1);
constexpr std::array kExternal = {IpAddress::V4(192, 0, 2, 1),
                                  IpAddress::V4(192, 0, 2, 2)};

/// 64:ff9b::a.b.c.d (RFC 6052 section 2.2).
IpAddress Synthesize(const IpAddress& v4) {
  std::array<uint8_t, 16> bytes = {0x00, 0x64, 0xff, 0x9b};
  std::ranges::copy(v4.bytes(), bytes.begin() + 12);
  return IpAddress::V6(bytes);
}

/// An inside host with IPv6.
IpAddress Inside6(uint8_t host) {
  return IpAddress::V6(
      {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host});
}

/// What prefix translation makes of such an address, or nearly.
IpAddress Outside6(uint8_t host) {
  return IpAddress::V6(
      {0x20, 0x01, 0x0d, 0xb8, 0, 2, 0, 3, 0xff, 0xfa, 0, 0, 0, 0, 0, host});
}

bool IsPortless(uint8_t protocol) {
  constexpr std::array<uint8_t, 4> kOthers = {1, 6, 17, 58};
  return std::ranges::find(kOthers, protocol) == kOthers.end();
}

/// Bytes as choices; zeros when they are used up.
class Choices {
 public:
  explicit Choices(ByteView bytes) : reader_(bytes) {}

  uint8_t Byte() {
    uint8_t byte = 0;
    (void)reader_.ReadU8(byte);
    return byte;
  }

  uint16_t Word() {
    const uint8_t high = Byte();
    return static_cast<uint16_t>(high << 8 | Byte());
  }

  template <class Enum>
  Enum Pick(uint8_t count) {
    return static_cast<Enum>(Byte() % count);
  }

  bool Flag() { return (Byte() & 1) != 0; }

  ByteView Bytes(size_t size) {
    ByteView bytes;
    (void)reader_.ReadView(std::min(size, reader_.remaining()), bytes);
    return bytes;
  }

  [[nodiscard]] bool is_empty() const { return reader_.is_empty(); }

 private:
  ByteReader reader_;
};

void ChooseBehavior(Choices& in, NatConfig& config) {
  config.translation = in.Pick<Translation>(4);
  config.mapping = in.Pick<Dependence>(3);
  config.filtering = in.Pick<Dependence>(3);
  config.port_assignment = in.Pick<PortAssignment>(6);
  config.hairpinning = in.Pick<Hairpinning>(3);
  config.timer_scope = in.Pick<TimerScope>(2);
  config.fragments = in.Pick<FragmentMode>(3);
  config.unsolicited = in.Pick<Unsolicited>(2);
  config.pooling = in.Pick<Pooling>(2);
  config.ipv6 = config.translation == Translation::kNat64
                    ? Ipv6Mode::kDrop
                    : in.Pick<Ipv6Mode>(4);
  config.limits.when_full = in.Pick<WhenFull>(3);
  const uint8_t flags = in.Byte();
  config.keep_parity = (flags & 1) != 0;
  config.keep_contiguity = (flags & 2) != 0;
  config.poisonable = (flags & 4) != 0;
  config.refresh.inbound = (flags & 8) != 0;
  config.translate_icmp_errors = (flags & 16) == 0;
  config.decrement_ttl = (flags & 32) == 0;
  config.policy.tcp = (flags & 64) == 0;
  config.services.nat_pmp = config.services.pcp = (flags & 128) != 0;
}

void ChooseNumbers(Choices& in, NatConfig& config) {
  config.port_range.first = static_cast<uint16_t>(1024 + in.Byte());
  config.port_range.last =
      static_cast<uint16_t>(config.port_range.first + 63 + in.Byte());
  config.port_step = in.Byte() - 128;
  config.foreign_rate = in.Byte() % 4;
  config.block_size = static_cast<uint16_t>(1 + in.Byte() % 64);
  config.port_quarantine = milliseconds(in.Byte() % 3 * 100);
  config.timeouts.udp_unreplied = milliseconds(1 + in.Word());
  config.timeouts.udp_assured = milliseconds(1 + in.Word());
  config.timeouts.tcp_established = milliseconds(1 + in.Word());
  config.limits.max_mappings = 1 + in.Byte() % 64;
  config.limits.max_sessions = 1 + in.Byte() % 128;
  config.limits.sessions_per_mapping = 1 + in.Byte() % 16;
  config.limits.mappings_per_host = in.Byte() % 32;
  config.limits.blocks_per_host = 1 + in.Byte() % 3;
  config.limits.new_mappings_per_second = in.Byte();
  config.limits.held_fragments = in.Byte() % 8;
  config.shed_above = in.Byte() % 32;
  config.address_lifetime = seconds(in.Byte() % 3);
  config.outside_mtu = static_cast<uint16_t>(1280 + in.Byte());
}

/// By the seed, so that older inputs mean what they meant.
void ChooseExtras(uint64_t seed, NatConfig& config) {
  const bool translates = config.translation == Translation::kNapt ||
                          config.translation == Translation::kOneToOne;
  config.alg = translates ? static_cast<Alg>(seed % 3) : Alg::kNone;
  config.other_protocols = static_cast<OtherProtocols>(seed / 3 % 2);
  config.timeouts.other = milliseconds(seed / 6 % 2 * 700);
  config.syn_error_delay = milliseconds(seed / 12 % 2 * 300);
}

NatConfig ChooseConfig(Choices& in) {
  NatConfig config;
  config.external = {kExternal.begin(), kExternal.end()};
  config.inside_address = kGateway;
  std::array<uint8_t, 16> prefix = {0x20, 0x01, 0x0d, 0xb8};
  config.inside_prefix6 = IpPrefix::Make(IpAddress::V6(prefix), 64).value();
  config.outside_prefix6 = IpPrefix::Make(Outside6(0), 64).value();
  prefix[15] = 1;
  config.inside_address6 = IpAddress::V6(prefix);
  config.nat64_prefix = IpPrefix::Make(Synthesize(kGateway), 96).value();
  ChooseBehavior(in, config);
  ChooseNumbers(in, config);
  return config;
}

/// One engine and the packets that it last let out.
class Fuzz {
 public:
  Fuzz(NatConfig config, uint64_t seed) : engine_(std::move(config), seed) {}

  void Step(Choices& in) {
    const uint8_t kind = in.Byte();
    now_ += milliseconds(in.Byte() * (kind & 0x80 ? 50 : 1));
    const Side from = in.Flag() ? Side::kInside : Side::kOutside;
    switch (kind % 12) {
      case 0:
        Send(from, Raw(in));
        break;
      case 1:
        Send(from, Mangled(in));
        break;
      case 2:
        Send(Side::kOutside, Reply(in));
        break;
      case 3:
        Send(from, ErrorAbout(in, from));
        break;
      case 4:
        SendFragments(in, from);
        break;
      case 5:
        Control(in);
        break;
      default:
        Send(from, Fresh(in, from));
    }
    Check();
  }

 private:
  /// Of a packet that arrives on `from`; behind NAT64 the inside speaks IPv6.
  [[nodiscard]] Endpoint EndpointOn(Choices& in, Side side, Side from) const {
    const Endpoint plain = PlainEndpointOn(in, side);
    if (engine_.config().translation != Translation::kNat64 ||
        from == Side::kOutside) {
      return plain;
    }
    const ByteView bytes = plain.address.bytes();
    return {bytes[0] == 10 ? Inside6(bytes[3]) : Synthesize(plain.address),
            plain.port};
  }

  static IpAddress WithIpv6(const IpAddress& plain) {
    const ByteView bytes = plain.bytes();
    if (bytes[0] == 10) {
      return Inside6(bytes[3]);
    }
    return bytes[0] == 192 ? Outside6(bytes[3]) : Synthesize(plain);
  }

  static Endpoint PlainEndpointOn(Choices& in, Side side) {
    const uint8_t which = in.Byte();
    const auto port = static_cast<uint16_t>(1020 + in.Byte());
    if (which % 8 == 7) {
      return {kExternal[which / 8 % 2], port};
    }
    if (side == Side::kInside) {
      return {IpAddress::V4(10, 0, 0, which % 8), port};
    }
    return {IpAddress::V4(203, 0, 113, which % 4), port};
  }

  static std::vector<uint8_t> Raw(Choices& in) {
    const ByteView bytes = in.Bytes(in.Byte());
    return {bytes.begin(), bytes.end()};
  }

  std::vector<uint8_t> Fresh(Choices& in, Side from) {
    const Side to = from == Side::kInside ? Side::kOutside : Side::kInside;
    Endpoint source = EndpointOn(in, from, from);
    Endpoint destination = EndpointOn(in, to, from);
    const uint8_t kind = in.Byte();
    if ((kind & 64) != 0 && engine_.config().ipv6 != Ipv6Mode::kDrop) {
      source.address = WithIpv6(source.address);
      destination.address = WithIpv6(destination.address);
    }
    const IpFields ip = {.ttl = static_cast<uint8_t>(kind & 8 ? 1 : 64),
                         .dont_fragment = (kind & 16) != 0};
    std::vector<uint8_t> payload((kind & 32) != 0 ? 1500 : 48, kind);
    if ((kind & 4) != 0) {
      NameEndpoint(from == Side::kInside ? source : destination, payload);
      destination.port =
          engine_.config().alg == Alg::kSip ? 5060 : destination.port;
    }
    switch (kind % 4) {
      case 0:
        return BuildTcp(source, destination, {.flags = in.Byte()}, {}, ip);
      case 1:
        return BuildEcho(source.address, destination.address,
                         in.Flag() ? EchoKind::kRequest : EchoKind::kReply,
                         source.port, 1, payload, ip);
      default: {
        auto packet = BuildUdp(source, destination, payload, ip);
        if ((kind & 128) != 0 && source.address.is_v4()) {
          packet[9] = 47;  // GRE
          FixChecksums(packet);
        }
        return packet;
      }
    }
  }

  /// Writes it where a gateway will find it.
  void NameEndpoint(const Endpoint& endpoint, std::vector<uint8_t>& payload) {
    if (engine_.config().alg == Alg::kSip) {
      const std::string text = "l: 30\r\n\r\nVia: " + endpoint.ToString();
      std::copy_n(text.begin(), std::min(text.size(), payload.size()),
                  payload.begin());
      return;
    }
    const ByteView address = endpoint.address.bytes();
    payload[0] = static_cast<uint8_t>(endpoint.port >> 8);
    payload[1] = static_cast<uint8_t>(endpoint.port);
    std::copy_n(address.begin(), std::min(address.size(), size_t{6}),
                payload.begin() + 2);
  }

  /// From whom the last packet went to, to where it seemed to come from.
  std::vector<uint8_t> Reply(Choices& in) {
    const auto info = ParsePacket(last_);
    if (!info || !info->is_v4()) {
      return {};
    }
    switch (static_cast<IpProtocol>(info->protocol)) {
      case IpProtocol::kTcp:
        return BuildTcp(info->destination, info->source, {.flags = in.Byte()},
                        {});
      case IpProtocol::kIcmp:
        return BuildEcho(info->destination.address, info->source.address,
                         EchoKind::kReply, info->icmp_id, 1, {});
      default:
        return BuildUdp(info->destination, info->source, {});
    }
  }

  std::vector<uint8_t> Mangled(Choices& in) {
    std::vector<uint8_t> packet = last_;
    for (int i = in.Byte() % 4; i >= 0 && !packet.empty(); --i) {
      packet[in.Word() % packet.size()] ^= in.Byte();
    }
    if (in.Flag() && ParseQuotedPacket(packet)) {
      FixChecksums(packet);
    }
    return packet;
  }

  /// About the last packet that left, or the last one inside.
  std::vector<uint8_t> ErrorAbout(Choices& in, Side from) {
    const auto& cause = from == Side::kOutside ? last_ : last_inside_;
    return BuildIcmpError(EndpointOn(in, from, from).address, in.Byte(),
                          in.Byte(), in.Word(), cause);
  }

  void SendFragments(Choices& in, Side from) {
    auto fragments = FragmentPacket(Fresh(in, from), 100 + in.Byte(), 1);
    for (size_t i = 0; i < fragments.size(); ++i) {
      std::swap(fragments[i], fragments[in.Byte() % fragments.size()]);
    }
    for (auto& fragment : fragments) {
      Send(from, std::move(fragment));
    }
  }

  void Control(Choices& in) {
    const Endpoint inside = EndpointOn(in, Side::kInside, Side::kInside);
    switch (in.Byte() % 6) {
      case 0:
        engine_.Reboot(now_,
                       in.Flag() ? std::optional(kExternal[1]) : std::nullopt);
        break;
      case 1:
        engine_.SetUdpBlocked(in.Flag());
        break;
      case 2:
        (void)engine_.RemoveForward(now_, 17, inside);
        break;
      case 3:
        engine_.HandleTimeout(now_);
        break;
      default:
        (void)engine_.AddForward(now_, {.protocol = 17,
                                        .inside = inside,
                                        .suggested_port = in.Word(),
                                        .must_be_suggested = in.Flag(),
                                        .lifetime = milliseconds(in.Word())});
        has_forwards_ = true;
    }
  }

  void Send(Side from, std::vector<uint8_t> packet) {
    const auto before = ParsePacket(packet);
    const bool was_right =
        before &&
        (before->is_fragment || HasValidTransportChecksum(packet, *before));
    const auto to = engine_.Process(now_, from, packet);
    if (to) {
      NATKIT_CHECK(before.has_value());
      CheckPacket(packet, was_right);
      Remember(*to, packet);
    }
    while (auto queued = engine_.PollTransmit()) {
      CheckPacket(queued->bytes, was_right);
      Remember(queued->to, queued->bytes);
    }
  }

  void Remember(Side to, const std::vector<uint8_t>& packet) {
    (to == Side::kOutside ? last_ : last_inside_) = packet;
  }

  static void CheckPacket(ByteView packet, bool was_right) {
    const auto info = ParsePacket(packet);
    NATKIT_CHECK(info.has_value());
    NATKIT_CHECK(!was_right || info->is_fragment ||
                 HasValidTransportChecksum(packet, *info));
  }

  void Check() {
    const NatConfig& config = engine_.config();
    NATKIT_CHECK(engine_.mapping_count() <= config.limits.max_mappings);
    NATKIT_CHECK(engine_.session_count() <= config.limits.max_sessions);
    if (const auto due = engine_.NextTimeout(); due && *due <= now_) {
      engine_.HandleTimeout(now_);
      const auto next = engine_.NextTimeout();
      NATKIT_CHECK(!next || *next > now_ || engine_.PollTransmit());
    }
    const bool has_napt = config.translation == Translation::kNapt ||
                          config.translation == Translation::kNat64;
    if (!has_napt || has_forwards_) {
      return;
    }
    for (const MappingView& view : engine_.Mappings(now_)) {
      NATKIT_CHECK(view.external.address.is_v6() || IsPortless(view.protocol) ||
                   (view.external.port >= config.port_range.first &&
                    view.external.port <= config.port_range.last));
    }
  }

  NatEngine engine_;
  Instant now_{seconds(1)};
  std::vector<uint8_t> last_;
  std::vector<uint8_t> last_inside_;
  bool has_forwards_ = false;
};

}  // namespace
}  // namespace natkit::netsim

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace natkit::netsim;
  Choices in(natkit::ByteView(data, size));
  const uint64_t seed = in.Byte();
  NatConfig config = ChooseConfig(in);
  ChooseExtras(seed, config);
  if (!FindProblems(config).empty()) {
    return 0;
  }
  Fuzz fuzz(config, seed);
  for (int step = 0; step < 400 && !in.is_empty(); ++step) {
    fuzz.Step(in);
  }
  return 0;
}
