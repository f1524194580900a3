#include "agent/hub_shell.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <set>
#include <span>
#include <tuple>
#include <utility>

#include "agent/base_choice.h"
#include "natkit/io/source_address.h"
#include "natkit/shell/files.h"
#include "natkit/tls/certificate.h"

namespace natkit::c {

namespace {

/// How often a system-chosen IPv4 port is tried for IPv6, too.
constexpr int kPortAttempts = 8;
/// A sleep that NATs and relays may have noticed.
constexpr Duration kSleep = std::chrono::seconds(5);
constexpr size_t kSocketBuffer = size_t{1} << 20;

Endpoint Wildcard(AddressFamily family, uint16_t port) {
  return {.address = family == AddressFamily::kIpv4
                         ? IpAddress()
                         : IpAddress::V6(std::array<uint8_t, 16>{}),
          .port = port};
}

/// This host has no such family; the other one has to do.
bool IsMissingFamily(Errc code) {
  return code == Errc::kUnsupported || code == Errc::kAddressNotAvailable;
}

bool CarriesIpv4Too(int fd) {
  int only = 0;
  socklen_t size = sizeof only;
  return ::getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, &size) == 0 &&
         only == 0;
}

// Looks at all of a caller's sockets before one of them is changed.
Result<void> CheckSockets(std::span<const io::UniqueFd> sockets) {
  std::set<AddressFamily> families;
  for (const io::UniqueFd& fd : sockets) {
    const auto local = io::UdpSocket::CheckAdoptable(fd.get());
    if (!local) {
      return std::unexpected(local.error());
    }
    const AddressFamily family = local->address.family();
    if (!families.insert(family).second ||
        (family == AddressFamily::kIpv6 && CarriesIpv4Too(fd.get()))) {
      return Fail(Errc::kUnsupported);
    }
  }
  return {};
}

Duration WallClockOffset() {
  return io::EventLoop::UnixNow().time_since_epoch() -
         io::EventLoop::Now().time_since_epoch();
}

mesh::AgentHubConfig MakeHubConfig(HubShellConfig& config) {
  return {.private_key = std::move(config.private_key),
          .relays = {},
          .power = config.power,
          .wall_clock_offset = WallClockOffset()};
}

}  // namespace

HubShell::HubShell(HubShellConfig config)
    : has_ipv6_(config.has_ipv6),
      uses_loopback_(config.uses_loopback),
      watches_network_(config.watches_network),
      port_(config.port),
      fwmark_(config.fwmark),
      ignored_interfaces_(std::move(config.ignored_interfaces)),
      roots_pem_(std::move(config.roots_pem)),
      log_(std::move(config.log)),
      rng_(std::move(config.rng)),
      hub_(MakeHubConfig(config), *rng_),
      streams_(loop_,
               {.on_open =
                    [this](mesh::RelayId relay, const auto& key) {
                      hub_.HandleRelayOpen(io::EventLoop::Now(), relay, key);
                    },
                .on_bytes =
                    [this](mesh::RelayId relay, ByteView bytes) {
                      hub_.HandleRelayBytes(io::EventLoop::Now(), relay, bytes);
                      DeliverRelayed();  // before more than fits has come
                    },
                .on_writable = [](mesh::RelayId) {},  // Process() pumps anyway
                .on_closed =
                    [this](mesh::RelayId relay, const std::string& reason) {
                      hub_.HandleRelayClosed(io::EventLoop::Now(), relay,
                                             reason);
                    }},
               fwmark_),
      received_(config.receive_buffer, config.agent_receive_buffer) {
  if (config.unclaimed_buffer != 0) {
    unclaimed_.emplace(config.unclaimed_buffer, SIZE_MAX);
  }
}

Result<std::unique_ptr<HubShell>> HubShell::Make(HubShellConfig config) {
  if (const auto has_room = io::EventLoop::CheckDescriptors(); !has_room) {
    return std::unexpected(has_room.error());
  }
  std::vector<io::UniqueFd> sockets = std::move(config.sockets);
  std::unique_ptr<HubShell> shell(new HubShell(std::move(config)));
  if (shell->roots_pem_) {
    if (const auto made = shell->MakeTls(/*needs_roots=*/true); !made) {
      return std::unexpected(made.error());
    }
  }
  const auto opened = sockets.empty() ? shell->OpenSockets()
                                      : shell->AdoptSockets(std::move(sockets));
  if (!opened) {
    return std::unexpected(opened.error());
  }
  for (auto* socket : {&shell->v4_, &shell->v6_}) {
    if (*socket) {
      (*socket)->SetReceiveHandler([self = shell.get()](PacketBatch& batch) {
        self->OnDatagrams(batch);
      });
    }
  }
  auto wait = WaitDescriptor::Make(shell->loop_.descriptor());
  if (!wait) {
    return std::unexpected(wait.error());
  }
  shell->wait_.emplace(std::move(*wait));
  if (const auto watching = shell->StartWatching(); !watching) {
    return std::unexpected(watching.error());
  }
  if (const auto found = shell->RefreshAddresses(); !found) {
    return std::unexpected(found.error());
  }
  return shell;
}

Result<void> HubShell::OpenSockets() {
  const io::UdpOptions options{.receive_buffer = kSocketBuffer,
                               .send_buffer = kSocketBuffer,
                               .fwmark = fwmark_,
                               .sends_trains = true};
  for (int attempt = 1;; ++attempt) {
    auto v4 = io::UdpSocket::Bind(loop_, Wildcard(AddressFamily::kIpv4, port_),
                                  options);
    if (!v4 && !IsMissingFamily(v4.error().code)) {
      return std::unexpected(v4.error());
    }
    const uint16_t wanted = v4 ? v4->local_endpoint().port : port_;
    if (has_ipv6_) {
      auto v6 = io::UdpSocket::Bind(
          loop_, Wildcard(AddressFamily::kIpv6, wanted), options);
      const bool may_try_again = !v6 && port_ == 0 && v4 &&
                                 v6.error().code == Errc::kAddressInUse &&
                                 attempt < kPortAttempts;
      if (may_try_again) {
        continue;
      }
      if (v6) {
        v6_ = std::move(*v6);
      } else if (!v4 || !IsMissingFamily(v6.error().code)) {
        return std::unexpected(v6.error());
      }
    }
    if (v4) {
      v4_ = std::move(*v4);
    }
    if (!v4_ && !v6_) {
      return std::unexpected(v4.error());
    }
    return {};
  }
}

Result<void> HubShell::AdoptSockets(std::vector<io::UniqueFd> sockets) {
  if (const auto good = CheckSockets(sockets); !good) {
    return good;
  }
  for (io::UniqueFd& fd : sockets) {
    auto socket = io::UdpSocket::Adopt(
        loop_, std::move(fd), {.fwmark = fwmark_, .sends_trains = true});
    if (!socket) {
      return std::unexpected(socket.error());
    }
    const bool is_v4 = socket->local_endpoint().address.is_v4();
    (is_v4 ? v4_ : v6_) = std::move(*socket);
  }
  return {};
}

Result<void> HubShell::StartWatching() {
  if (!watches_network_) {
    return {};
  }
  auto watcher =
      io::NetworkWatcher::Start(loop_, [this] { (void)RefreshAddresses(); });
  if (!watcher) {
    return std::unexpected(watcher.error());
  }
  watcher_ = std::move(*watcher);
  return {};
}

bool HubShell::IsIgnored(std::string_view interface) const {
  return std::ranges::any_of(ignored_interfaces_,
                             [interface](std::string_view name) {
                               if (!name.ends_with('*')) {
                                 return interface == name;
                               }
                               name.remove_suffix(1);
                               return interface.starts_with(name);
                             });
}

Result<void> HubShell::RefreshAddresses() {
  const auto addresses = io::ListInterfaceAddresses();
  if (!addresses) {
    return std::unexpected(addresses.error());
  }
  std::vector<io::InterfaceAddress> own = *addresses;
  std::erase_if(own, [this](const io::InterfaceAddress& item) {
    return IsIgnored(item.interface);
  });
  BaseOptions options{.uses_loopback = uses_loopback_};
  for (const auto& [socket, bound, beyond] :
       {std::tuple(&v4_, &options.v4, "192.0.2.1"),
        std::tuple(&v6_, &options.v6, "2001:db8::1")}) {
    if (*socket) {
      *bound = (*socket)->local_endpoint();
      const auto source =
          io::FindSourceAddress(*IpAddress::Parse(beyond), fwmark_);
      if (source) {
        options.sources.push_back(*source);
      }
    }
  }
  bases_ = ChooseBases(own, options);
  hub_.SetLocalEndpoints(io::EventLoop::Now(), bases_);
  Pump();
  return {};
}

Result<void> HubShell::CheckNetwork() {
  if (const auto found = RefreshAddresses(); !found) {
    return found;
  }
  hub_.CheckNetwork(io::EventLoop::Now());
  Pump();
  return {};
}

void HubShell::NoticeSleep() {
  const Duration asleep = io::EventLoop::TimeAsleep();
  if (asleep >= asleep_ + kSleep) {
    asleep_ = asleep;
    (void)CheckNetwork();
  }
}

Result<void> HubShell::MakeTls(bool needs_roots) {
  tls::ClientOptions options;
  if (needs_roots && roots_pem_) {
    options.roots_pem = *roots_pem_;
  } else if (needs_roots) {
    auto roots = shell::ReadSystemRoots();
    if (!roots) {
      return Fail(Errc::kNotFound);
    }
    options.roots_pem = std::move(*roots);
  }
  auto context = tls::ClientContext::Make(options);
  if (!context) {
    return std::unexpected(context.error());
  }
  tls_ = std::move(*context);
  has_roots_ = needs_roots;
  return {};
}

Result<mesh::RelayId> HubShell::AddRelay(const mesh::RelayEntry& entry,
                                         std::vector<IpAddress> addresses) {
  const bool has_pin = entry.pin.starts_with(tls::CertificatePin::kPrefix);
  if (has_pin) {
    if (const auto pin = tls::CertificatePin::Parse(entry.pin); !pin) {
      return Fail(Errc::kBadEncoding);
    }
  }
  const bool needs_roots = !entry.is_plain && !has_pin;
  if (!tls_ || (needs_roots && !has_roots_)) {
    if (const auto made = MakeTls(needs_roots); !made) {
      return std::unexpected(made.error());
    }
  }
  const auto id = hub_.AddRelay(entry);
  if (id) {
    relays_.push_back({.entry = entry, .addresses = std::move(addresses)});
  }
  return id;
}

uint32_t HubShell::RelayNumber(const std::string& name) const {
  const auto found = std::ranges::find(
      relays_, name,
      [](const Relay& relay) -> auto& { return relay.entry.name; });
  return found == relays_.end()
             ? 0
             : static_cast<uint32_t>(found - relays_.begin());
}

std::optional<io::UdpSocket>& HubShell::SocketFor(const Endpoint& remote) {
  return remote.address.is_v4() ? v4_ : v6_;
}

Result<void> HubShell::Process() {
  if (!wait_ || !wait_->IsThere()) {
    wait_.reset();
    return Fail(Errc::kClosed);
  }
  NoticeSleep();
  loop_.RunReady();
  hub_.HandleTimeout(io::EventLoop::Now());
  Pump();
  return {};
}

std::optional<Instant> HubShell::NextTimeout() const {
  if (hub_.has_events() || !received_.is_empty() ||
      (unclaimed_ && !unclaimed_->is_empty()) || loop_.HasReady()) {
    return Instant{};  // there is something to take
  }
  const auto loop = loop_.NextTimeout();
  const auto hub = hub_.NextTimeout();
  if (!loop || !hub) {
    return loop ? loop : hub;
  }
  return std::min(*loop, *hub);
}

void HubShell::Remove(mesh::AgentId agent) {
  (void)hub_.Remove(io::EventLoop::Now(), agent);
  received_.Remove(agent);
  agents_.erase(agent);
  Pump();
}

void HubShell::Pump() {
  while (const auto command = hub_.PollRelayCommand()) {
    Obey(*command);
  }
  while (const auto transmit = hub_.PollTransmit()) {
    auto& socket = SocketFor(transmit->to);
    if (!socket) {
      continue;
    }
    const IpAddress& from = transmit->from_base.address;
    if (transmit->ttl) {
      socket->SendWithHopLimit(transmit->to, transmit->payload, from,
                               *transmit->ttl);
    } else {
      socket->SendTo(transmit->to, transmit->payload, from);
    }
  }
  DeliverRelayed();
  streams_.Fill([this](mesh::RelayId relay, MutableBytes out) {
    return hub_.PollRelayBytes(io::EventLoop::Now(), relay, out);
  });
}

void HubShell::Obey(const mesh::RelayCommand& command) {
  if (const auto* close = std::get_if<mesh::RelayClose>(&command)) {
    streams_.Close(close->relay);
    return;
  }
  const mesh::RelayId id = std::get<mesh::RelayConnect>(command).relay;
  const Relay& relay = relays_[id];
  streams_.Open(id, *tls_,
                {.host = relay.entry.host,
                 .port = relay.entry.port,
                 .addresses = relay.addresses,
                 .certificate_name = relay.entry.pin,
                 .is_plain = relay.entry.is_plain});
}

std::optional<mesh::HubEvent> HubShell::PollEvent() {
  auto event = hub_.PollEvent();
  if (event) {
    LogEvent(*event);
  }
  return event;
}

void HubShell::Log(LogLevel level, const std::string& line) const {
  if (log_) {
    log_(level, line);
  }
}

void HubShell::LogEvent(const mesh::HubEvent& event) const {
  if (!log_) {
    return;
  }
  if (const auto* relay = std::get_if<mesh::HubRelayChanged>(&event)) {
    const std::string& name = relays_[relay->relay].entry.name;
    if (relay->is_up) {
      Log(LogLevel::kInfo, "relay " + name + " is up");
    } else {
      Log(LogLevel::kWarning, "relay " + name + " is down: " + relay->reason);
    }
  } else if (const auto* path = std::get_if<mesh::AgentPathChanged>(&event)) {
    Log(LogLevel::kInfo, "agent " + std::to_string(path->agent) + ": path is " +
                             mesh::DescribePath(path->path));
  }
}

}  // namespace natkit::c
