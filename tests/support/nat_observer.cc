#include "nat_observer.h"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <utility>

#include "natkit/base/check.h"
#include "natkit/netsim/packet.h"
#include "natkit/netsim/sim_rng.h"

namespace natkit::netsim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kCopies = 10;
constexpr auto kBetweenCopies = milliseconds(15);
constexpr auto kOneWay = milliseconds(20);
/// A datagram has arrived, or is lost.
constexpr auto kPatience = milliseconds(100);

IpAddress Outside(uint8_t last) {
  return IpAddress::V4(203, 0, 113, last);
}

/// The two addresses of the server outside, and an address of a stranger.
const IpAddress kA1 = Outside(1);
const IpAddress kA2 = Outside(2);

/// 64:ff9b::a.b.c.d (RFC 6052 section 2.2).
IpAddress Synthesize(const IpAddress& v4) {
  std::array<uint8_t, 16> bytes{0x00, 0x64, 0xff, 0x9b};
  std::ranges::copy(v4.bytes(), bytes.begin() + 12);
  return IpAddress::V6(bytes);
}

/// The IPv4 form of a synthesized address; others as they are.
IpAddress Plain(const IpAddress& address) {
  if (!address.is_v6()) {
    return address;
  }
  const auto v4 = IpAddress::FromBytes(address.bytes().last(4));
  return v4 && Synthesize(*v4) == address ? *v4 : address;
}

/// Carriers and one-to-one NATs have several addresses.
bool HasPool(const NatConfig& config) {
  return config.translation == Translation::kOneToOne ||
         config.port_assignment == PortAssignment::kDynamicBlock ||
         config.port_assignment == PortAssignment::kDeterministicBlock;
}

std::string ToText(ByteView payload) {
  return std::string(AsText(payload));
}

/// A UDP socket that remembers what came, and from where.
class Socket : public Actor {
 public:
  Socket(World& world, HostId host, IpAddress address, uint16_t port)
      : world_(world), host_(host), local_{address, port} {
    NATKIT_CHECK(world.Attach(host, *this, port).has_value());
  }

  ~Socket() override { world_.Detach(*this); }

  void HandleDatagram(Instant, const Endpoint&, const Endpoint& source,
                      ByteView payload) override {
    const Endpoint from{Plain(source.address), source.port};
    seen_.insert_or_assign(ToText(payload), from);
    if (on_datagram) {
      on_datagram(from, ToText(payload));
    }
  }

  void Send(const Endpoint& to, std::string_view text) {
    Endpoint actual = to;
    if (local_.address.is_v6() && to.address.is_v4()) {
      actual.address = Synthesize(to.address);
    }
    NATKIT_CHECK(
        world_.SendUdp(host_, local_, actual, AsBytes(text)).has_value());
  }

  /// Where the datagram with this text came from.
  [[nodiscard]] std::optional<Endpoint> Seen(const std::string& text) const {
    const auto found = seen_.find(text);
    return found == seen_.end() ? std::nullopt : std::optional(found->second);
  }

  [[nodiscard]] const Endpoint& local() const { return local_; }

  std::function<void(const Endpoint&, const std::string&)> on_datagram;

 private:
  World& world_;
  HostId host_;
  Endpoint local_;
  std::map<std::string, Endpoint> seen_;
};

/// Sees raw packets: TCP that arrives at the server.
class TcpWatcher : public Actor {
 public:
  void HandleDatagram(Instant, const Endpoint&, const Endpoint&,
                      ByteView) override {}

  void HandlePacket(Instant, ByteView packet) override {
    const auto info = ParsePacket(packet);
    if (info && info->protocol == static_cast<uint8_t>(IpProtocol::kTcp)) {
      ports.insert(info->destination.port);
    }
  }

  std::set<uint16_t> ports;
};

/// One end of a punching attempt: sends to every address it knows, learns the
/// sources of what comes, and answers each datagram.
class Puncher {
 public:
  explicit Puncher(Socket& socket) : socket_(socket) {
    socket.on_datagram = [this](const Endpoint& from, const std::string& text) {
      if (text == "punch") {
        remotes_.insert(from);
        socket_.Send(from, "answer");
      } else if (text == "answer" && sent_to_.contains(from)) {
        is_through_ = true;
      }
    };
  }

  ~Puncher() { socket_.on_datagram = nullptr; }

  void Learn(const Endpoint& remote) { remotes_.insert(remote); }

  void SendRound() {
    const std::set<Endpoint> remotes = remotes_;
    for (const Endpoint& remote : remotes) {
      sent_to_.insert(remote);
      socket_.Send(remote, "punch");
    }
  }

  [[nodiscard]] bool is_through() const { return is_through_; }

 private:
  Socket& socket_;
  std::set<Endpoint> remotes_;
  std::set<Endpoint> sent_to_;
  bool is_through_ = false;
};

}  // namespace

class NatObserver::Impl {
 public:
  Impl(const ObservedNat& nat, uint64_t seed, double loss)
      : nat_(nat), rng_(DeriveSeed(seed, "observer")), world_(seed) {
    BuildOutside(loss);
    BuildInside();
  }

  NatVerdict Observe();
  bool Punches(const NatConfig& peer);
  bool PassesTcp(uint16_t port);

 private:
  using Seconds = std::chrono::seconds;

  void BuildOutside(double loss);
  void BuildInside();

  [[nodiscard]] std::unique_ptr<Socket> Inside(size_t host, uint16_t port = 0) {
    const IpAddress address = inside_addresses_[host];
    return std::make_unique<Socket>(world_, inside_hosts_[host], address,
                                    port != 0 ? port : next_port_++);
  }

  /// The server's socket on one of its addresses.
  [[nodiscard]] std::unique_ptr<Socket> Server(const IpAddress& address,
                                               uint16_t port = 0) {
    const HostId host = address == kA1 ? server1_ : server2_;
    return std::make_unique<Socket>(world_, host, address,
                                    port != 0 ? port : next_port_++);
  }

  /// The source that `to` sees of `from`; nullopt if nothing arrives.
  std::optional<Endpoint> Seen(Socket& from, Socket& to);
  std::optional<Endpoint> SeenAt(Socket& from, const Endpoint& at, Socket& to);

  /// Whether datagrams from outside reach an inside socket.
  bool Reaches(Socket& from, const Endpoint& at, Socket& to) {
    return SeenAt(from, at, to).has_value();
  }

  void ObserveMapping(NatVerdict& verdict);
  void ObserveFiltering(NatVerdict& verdict);
  void ObserveAllocation(NatVerdict& verdict);
  void ObserveOverloading(NatVerdict& verdict);
  void ObservePoisoning(NatVerdict& verdict);
  void ObserveHairpin(NatVerdict& verdict);
  void ObserveLifetimes(NatVerdict& verdict);
  std::string Lifetime(bool is_assured);
  bool IsAliveAfter(bool is_assured, Seconds silence);
  Socket& Peer(const NatConfig& config);

  ObservedNat nat_;
  SimRng rng_;
  World world_;
  NetworkId internet_{};
  HostId server1_{};
  HostId server2_{};
  std::vector<HostId> inside_hosts_;
  std::vector<IpAddress> inside_addresses_;
  uint16_t next_port_ = 20000;
  uint64_t nonce_ = 0;
  std::unique_ptr<Socket> peer_;
};

void NatObserver::Impl::BuildOutside(double loss) {
  LinkConfig link;
  link.delay = kOneWay;
  link.loss = loss;
  internet_ = world_.AddNetwork("internet",
                                IpPrefix::Make(Outside(0), 24).value(), link);
  server1_ = world_.AddHost("server1");
  NATKIT_CHECK(world_.AddAddress(server1_, internet_, kA1).has_value());
  server2_ = world_.AddHost("server2");
  NATKIT_CHECK(world_.AddAddress(server2_, internet_, kA2).has_value());
}

void NatObserver::Impl::BuildInside() {
  const bool is_v6 = nat_.home.translation == Translation::kNat64;
  const auto inside_address = [is_v6](uint8_t last) {
    return is_v6 ? IpAddress::V6({0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 0, 0, 0, 0,
                                  0, 0, 0, 0, last})
                 : IpAddress::V4(192, 168, 1, last);
  };
  const IpPrefix lan =
      IpPrefix::Make(inside_address(0), is_v6 ? 64 : 24).value();
  const NetworkId inside = world_.AddNetwork("lan", lan);
  NetworkId outside = internet_;
  NatConfig home = nat_.home;
  if (nat_.carrier) {
    const auto access =
        IpPrefix::Make(IpAddress::V4(100, 64, 0, 0), 24).value();
    outside = world_.AddNetwork("access", access);
    NatConfig carrier = *nat_.carrier;
    carrier.inside_address = IpAddress::V4(100, 64, 0, 1);
    carrier.external = {Outside(20), Outside(21), Outside(22), Outside(23)};
    world_.AddBox("carrier", outside, internet_, carrier);
    home.external = {IpAddress::V4(100, 64, 0, 2)};
  } else {
    home.external = {Outside(20)};
    if (HasPool(home)) {
      home.external = {Outside(20), Outside(21), Outside(22), Outside(23)};
    }
  }
  if (is_v6) {
    home.inside_address6 = inside_address(254);
    home.inside_prefix6 = lan;
  } else {
    home.inside_address = inside_address(254);
    home.ipv6 = Ipv6Mode::kDrop;
  }
  world_.AddBox("home", inside, outside, home);
  for (uint8_t i = 0; i < 2; ++i) {
    inside_hosts_.push_back(world_.AddHost("h" + std::to_string(i + 1)));
    inside_addresses_.push_back(inside_address(static_cast<uint8_t>(10 + i)));
    NATKIT_CHECK(
        world_
            .AddAddress(inside_hosts_.back(), inside, inside_addresses_.back())
            .has_value());
  }
}

std::optional<Endpoint> NatObserver::Impl::Seen(Socket& from, Socket& to) {
  return SeenAt(from, to.local(), to);
}

std::optional<Endpoint> NatObserver::Impl::SeenAt(Socket& from,
                                                  const Endpoint& at,
                                                  Socket& to) {
  const std::string text = "n" + std::to_string(++nonce_);
  const auto has_arrived = [&] { return to.Seen(text).has_value(); };
  for (int i = 0; i < kCopies; ++i) {
    from.Send(at, text);
    if (world_.Run(kBetweenCopies, has_arrived)) {
      break;
    }
  }
  world_.Run(kPatience, has_arrived);
  return to.Seen(text);
}

void NatObserver::Impl::ObserveMapping(NatVerdict& verdict) {
  const auto inside = Inside(0);
  const auto a1p1 = Server(kA1);
  const auto a1p2 = Server(kA1);
  const auto a2p1 = Server(kA2, a1p1->local().port);
  const auto first = Seen(*inside, *a1p1);
  const auto other_port = Seen(*inside, *a1p2);
  const auto other_address = Seen(*inside, *a2p1);
  if (!first || !other_port || !other_address) {
    verdict.mapping = "-";
  } else if (*first == inside->local()) {
    verdict.mapping = "none";
  } else if (*other_address == *first && *other_port == *first) {
    verdict.mapping = "EI";
  } else {
    verdict.mapping = *other_port == *first ? "AD" : "APD";
  }
}

void NatObserver::Impl::ObserveFiltering(NatVerdict& verdict) {
  const auto inside = Inside(0);
  const auto a1p1 = Server(kA1);
  const auto a1p2 = Server(kA1);
  const auto a2p2 = Server(kA2);
  const auto mapped = Seen(*inside, *a1p1);
  if (!mapped || !Reaches(*a1p1, *mapped, *inside)) {
    verdict.filtering = "-";
  } else if (Reaches(*a2p2, *mapped, *inside)) {
    verdict.filtering = "EI";
  } else {
    verdict.filtering = Reaches(*a1p2, *mapped, *inside) ? "AD" : "APD";
  }
}

void NatObserver::Impl::ObserveAllocation(NatVerdict& verdict) {
  constexpr size_t kSockets = 24;
  const auto server = Server(kA1);
  bool is_preserving = true;
  std::vector<int> ports;
  std::map<IpAddress, std::pair<int, int>> bounds;
  for (size_t i = 0; i < kSockets; ++i) {
    next_port_ = static_cast<uint16_t>(next_port_ + 7);
    const auto inside = Inside(0);
    const auto mapped = Seen(*inside, *server);
    if (!mapped) {
      verdict.allocation = "-";
      return;
    }
    is_preserving &= mapped->port == inside->local().port;
    ports.push_back(mapped->port);
    auto& [low, high] =
        bounds.try_emplace(mapped->address, mapped->port, mapped->port)
            .first->second;
    low = std::min(low, int{mapped->port});
    high = std::max(high, int{mapped->port});
  }
  verdict.external_addresses = bounds.size();
  const int step = ports[1] - ports[0];
  bool is_sequential = true;
  for (size_t i = 1; i < ports.size(); ++i) {
    is_sequential &= ports[i] - ports[i - 1] == step;
  }
  // Twenty-four random ports of a large range are never this close.
  constexpr int kLargestBlock = 2048;
  const bool is_block = std::ranges::all_of(bounds, [](const auto& bound) {
    return bound.second.second - bound.second.first < kLargestBlock;
  });
  if (is_preserving) {
    verdict.allocation = "preserve";
  } else if (is_sequential) {
    verdict.allocation = "sequential " + std::to_string(step);
  } else {
    verdict.allocation = is_block ? "block" : "random";
  }
  const auto [low, high] = std::ranges::minmax(ports);
  if (verdict.allocation == "random" && low >= 50001) {
    verdict.allocation = "random 50001-65535";
  }
}

/// Two hosts, one source port, different destinations: do they share the
/// external endpoint?
void NatObserver::Impl::ObserveOverloading(NatVerdict& verdict) {
  const uint16_t port = next_port_++;
  const auto first = Inside(0, port);
  const auto second = Inside(1, port);
  const auto a1 = Server(kA1);
  const auto a2 = Server(kA2);
  const auto mapped_first = Seen(*first, *a1);
  const auto mapped_second = Seen(*second, *a2);
  verdict.is_overloading = mapped_first && mapped_first == mapped_second;
  if (verdict.is_overloading) {
    NATKIT_CHECK(Seen(*second, *a1) != mapped_first);
  }
}

/// A stranger sends to an external port before the inside host sends to the
/// stranger: does the inside host keep that port?
void NatObserver::Impl::ObservePoisoning(NatVerdict& verdict) {
  const auto inside = Inside(0);
  const auto known = Server(kA1);
  const auto stranger = Server(kA2);
  const auto mapped = Seen(*inside, *known);
  if (!mapped || verdict.mapping == "APD") {
    return;
  }
  Reaches(*stranger, *mapped, *inside);
  verdict.is_poisonable = Seen(*inside, *stranger) != mapped;
}

void NatObserver::Impl::ObserveHairpin(NatVerdict& verdict) {
  const auto a = Inside(0);
  const auto b = Inside(1);
  const auto server = Server(kA1);
  const auto mapped_a = Seen(*a, *server);
  const auto mapped_b = Seen(*b, *server);
  if (!mapped_a || !mapped_b) {
    verdict.hairpin = "-";
    return;
  }
  if (*mapped_a == a->local()) {
    verdict.hairpin = "n/a";
    return;
  }
  // Filters hold for hairpinned packets too, so both sides send.
  SeenAt(*b, *mapped_a, *a);
  const auto source = SeenAt(*a, *mapped_b, *b);
  if (!source) {
    verdict.hairpin = "none";
  } else {
    verdict.hairpin = source->address == a->local().address ? "int" : "ext";
  }
}

bool NatObserver::Impl::IsAliveAfter(bool is_assured, Seconds silence) {
  const auto inside = Inside(0);
  const auto server = Server(kA1);
  auto mapped = Seen(*inside, *server);
  // Three exchanges over five seconds make a mapping assured everywhere.
  for (int i = 0; is_assured && mapped && i < 2; ++i) {
    Reaches(*server, *mapped, *inside);
    world_.Run(milliseconds(2500));
    mapped = Seen(*inside, *server);
  }
  if (!mapped) {
    return false;
  }
  world_.Run(silence);
  return Reaches(*server, *mapped, *inside);
}

std::string NatObserver::Impl::Lifetime(bool is_assured) {
  Seconds alive(1);
  Seconds dead(4096);
  if (IsAliveAfter(is_assured, dead)) {
    return "inf";
  }
  while (dead - alive > Seconds(1)) {
    const Seconds middle((alive.count() + dead.count()) / 2);
    (IsAliveAfter(is_assured, middle) ? alive : dead) = middle;
  }
  return std::to_string(dead.count());
}

void NatObserver::Impl::ObserveLifetimes(NatVerdict& verdict) {
  const auto inside = Inside(0);
  const auto server = Server(kA1);
  verdict.lifetimes =
      Seen(*inside, *server) ? Lifetime(false) + "/" + Lifetime(true) : "-";
}

/// RFC 3489's name for the two axes (nat.md section 5.13).
std::string ClassicName(const NatVerdict& verdict) {
  if (verdict.mapping == "-") {
    return "blocked";
  }
  if (verdict.mapping == "none") {
    return verdict.filtering == "EI" ? "open" : "symmetric firewall";
  }
  if (verdict.mapping != "EI") {
    return "symmetric";
  }
  if (verdict.filtering == "EI") {
    return "full cone";
  }
  return verdict.filtering == "AD" ? "restricted" : "port restricted";
}

NatVerdict NatObserver::Impl::Observe() {
  using Test = void (Impl::*)(NatVerdict&);
  std::vector<Test> tests = {
      &Impl::ObserveMapping,    &Impl::ObserveFiltering,
      &Impl::ObserveAllocation, &Impl::ObserveOverloading,
      &Impl::ObservePoisoning,  &Impl::ObserveHairpin,
      &Impl::ObserveLifetimes,
  };
  for (size_t i = tests.size(); i > 1; --i) {
    std::swap(tests[i - 1], tests[rng_.NextBelow(static_cast<uint32_t>(i))]);
  }
  NatVerdict verdict;
  for (const Test test : tests) {
    (this->*test)(verdict);
  }
  if (verdict.mapping != "EI") {
    verdict.is_poisonable = false;  // another port says nothing there
  }
  verdict.classic = ClassicName(verdict);
  return verdict;
}

Socket& NatObserver::Impl::Peer(const NatConfig& behavior) {
  NatConfig config = behavior;
  config.external = {Outside(40)};
  config.inside_address = IpAddress::V4(10, 0, 0, 254);
  const NetworkId lan = world_.AddNetwork(
      "peer-lan", IpPrefix::Make(IpAddress::V4(10, 0, 0, 0), 24).value());
  world_.AddBox("peer-box", lan, internet_, config);
  const HostId host = world_.AddHost("peer");
  const IpAddress address = IpAddress::V4(10, 0, 0, 2);
  NATKIT_CHECK(world_.AddAddress(host, lan, address).has_value());
  peer_ = std::make_unique<Socket>(world_, host, address, next_port_++);
  return *peer_;
}

bool NatObserver::Impl::Punches(const NatConfig& behavior) {
  Socket& theirs = Peer(behavior);
  const auto ours = Inside(0);
  const auto server = Server(kA1);
  const auto our_address = Seen(*ours, *server);
  const auto their_address = Seen(theirs, *server);
  if (!our_address || !their_address) {
    return false;
  }
  Puncher us(*ours);
  Puncher them(theirs);
  us.Learn(*their_address);
  them.Learn(*our_address);
  const auto is_done = [&] { return us.is_through() && them.is_through(); };
  constexpr int kRounds = 60;
  for (int i = 0; i < kRounds && !is_done(); ++i) {
    us.SendRound();
    them.SendRound();
    world_.Run(milliseconds(50), is_done);
  }
  return is_done();
}

bool NatObserver::Impl::PassesTcp(uint16_t port) {
  TcpWatcher watcher;
  world_.AttachRaw(server1_, watcher);
  const Endpoint from{inside_addresses_[0], next_port_++};
  for (int i = 0; i < kCopies && !watcher.ports.contains(port); ++i) {
    const auto syn =
        BuildTcp(from, {kA1, port}, {.sequence = 1, .flags = kTcpSyn}, {});
    NATKIT_CHECK(world_.SendRaw(inside_hosts_[0], syn).has_value());
    world_.Run(kPatience);
  }
  world_.Detach(watcher);
  return watcher.ports.contains(port);
}

NatObserver::NatObserver(const ObservedNat& nat, uint64_t seed, double loss)
    : impl_(std::make_unique<Impl>(nat, seed, loss)) {}

NatObserver::~NatObserver() = default;

NatVerdict NatObserver::Observe() {
  return impl_->Observe();
}

bool NatObserver::Punches(const NatConfig& peer) {
  return impl_->Punches(peer);
}

bool NatObserver::PassesTcp(uint16_t port) {
  return impl_->PassesTcp(port);
}

}  // namespace natkit::netsim
