#include <unistd.h>

#include <array>
#include <functional>
#include <string>
#include <utility>

#include "control/control_path.h"
#include "natkit/io/unix_socket.h"
#include "natkit/shell/logging.h"
#include "shell/node_shell.h"
#include "shell/node_shell_addresses.h"
#include "shell/node_shell_tun.h"

namespace natkit::meshnode {

namespace {

std::string DescribeControlFailure(const std::string& path, Errc code) {
  const std::string text = "cannot make the control socket " + path + ": ";
  switch (code) {
    case Errc::kAddressInUse:
      return "a node answers on the control socket " + path +
             " already: it is running (`meshnode status --control " + path +
             "`), stop it first or choose another socket with --control";
    case Errc::kAlreadyExists:
      return text + "a file that is not a socket is in its place";
    case Errc::kNotFound:
      return text + "there is no such directory";
    case Errc::kBadLength:
      return text + "the path is longer than " +
             std::to_string(io::kMaxUnixSocketPath) + " bytes";
    default:
      return text + DescribeError(code);
  }
}

/// An inventory's relays are named by their places in it.
RelayStreams::Relays RelaysByPosition(const mesh::MeshFile& mesh) {
  RelayStreams::Relays relays;
  for (const mesh::RelayEntry& relay : mesh.relays) {
    relays.emplace(static_cast<mesh::RelayId>(relays.size()), relay);
  }
  return relays;
}

}  // namespace

Outcome<std::unique_ptr<NodeShell>> NodeShell::Make(io::EventLoop& loop,
                                                    UpOptions options) {
  std::unique_ptr<NodeShell> shell(new NodeShell(loop));
  shell->options_ = std::move(options);
  auto opened =
      shell->options_.join ? shell->OpenJoined() : shell->OpenInventory();
  if (!opened) {
    return std::unexpected(opened.error());
  }
  return shell;
}

Outcome<void> NodeShell::OpenInventory() {
  const std::array<std::function<Outcome<void>()>, 5> steps = {
      [&] { return MakeNode(options_); }, [&] { return OpenControl(options_); },
      [&] { return OpenUdp(options_); },
      [&] { return OpenRelays(RelaysByPosition(mesh_)); },
      [&] { return OpenInterface(options_); }};
  for (const auto& step : steps) {
    if (auto done = step(); !done) {
      return done;
    }
  }
  WatchNetwork();
  Start();
  LogStart();
  return {};
}

Outcome<void> NodeShell::MakeNode(const UpOptions& options) {
  uses_port_mapping_ = options.has_port_mapping;
  auto config = LoadConfig(options);
  if (!config) {
    return std::unexpected(config.error());
  }
  pcp_nonce_key_ = nat::DerivePcpNonceKey(config->node.private_key.Expose());
  for (const std::string& warning : config->warnings) {
    shell::Log(LogLevel::kWarning, warning);
  }
  mesh_ = config->node.mesh;
  self_ = mesh_.FindNode(options.name);
  config->node.wall_clock_offset = io::EventLoop::UnixNow().time_since_epoch() -
                                   io::EventLoop::Now().time_since_epoch();
  auto node = mesh::Node::Create(std::move(config->node), rng_);
  if (!node) {
    return std::unexpected("cannot set up the node: " +
                           DescribeError(node.error().code));
  }
  node_ = std::move(*node);
  return {};
}

Outcome<void> NodeShell::OpenControl(const UpOptions& options) {
  auto path =
      ServerSocketPath({.path = options.control_path, .name = options.name});
  if (!path) {
    return std::unexpected(path.error());
  }
  control_path_ = *path;
  auto server = ControlServer::Listen(
      loop_, control_path_,
      {.owner = geteuid(), .operator_user = options.operator_user},
      MakeControlHandlers());
  if (!server) {
    return std::unexpected(
        DescribeControlFailure(control_path_, server.error().code));
  }
  control_ = std::move(*server);
  return {};
}

Outcome<void> NodeShell::OpenUdp(const UpOptions& options) {
  const uint16_t port = options.listen_port.value_or(
      self_ == nullptr ? 0 : self_->listen_port.value_or(0));
  auto udp = UdpPair::Bind(loop_, port, fwmark_);
  if (!udp) {
    return std::unexpected(udp.error());
  }
  udp_ = std::move(*udp);
  return {};
}

Outcome<void> NodeShell::OpenRelays(RelayStreams::Relays relays) {
  relays_ = std::make_unique<RelayStreams>(
      loop_,
      RelayStreams::Handlers{
          .on_open =
              [this](mesh::RelayId relay, const std::optional<PublicKey>& key) {
                node_->HandleRelayOpen(io::EventLoop::Now(), relay, key);
                Pump();
              },
          .on_bytes =
              [this](mesh::RelayId relay, ByteView bytes) {
                node_->HandleRelayBytes(io::EventLoop::Now(), relay, bytes);
                Pump();
              },
          .on_writable = [this](mesh::RelayId) { Pump(); },
          .on_closed =
              [this](mesh::RelayId relay, const std::string& reason) {
                node_->HandleRelayClosed(io::EventLoop::Now(), relay, reason);
                Pump();
              }},
      fwmark_);
  return relays_->SetRelays(std::move(relays));
}

Outcome<void> NodeShell::OpenInterface(const UpOptions& options) {
  if (!options.has_tun) {
    return {};
  }
  // Of a node that joined, NodeRoutes sets them.
  MeshRoutes routes = options.join ? MeshRoutes() : RoutesFor(mesh_, *self_);
  for (const std::string& route : routes.skipped) {
    shell::Log(LogLevel::kWarning,
               "not installed: the default route " + route +
                   "; it would catch the tunnel's own packets");
  }
  auto tun = OpenTun(loop_, {.name = options.tun_name,
                             .mtu = mesh_.mtu,
                             .addresses = self_->addresses,
                             .routes = std::move(routes.prefixes)});
  if (!tun) {
    return std::unexpected(tun.error());
  }
  tun_ = std::move(*tun);
  return {};
}

void NodeShell::WatchNetwork() {
  auto watcher =
      io::NetworkWatcher::Start(loop_, [this] { HandleNetworkChange(); });
  if (watcher) {
    watcher_ = std::move(*watcher);
  } else {
    shell::Log(LogLevel::kWarning,
               "changes of the network will not be noticed: " +
                   DescribeError(watcher.error().code));
  }
}

void NodeShell::LogStart() const {
  std::string text = self_->name + " is up: ";
  text += tun_ ? tun_->name() : "no network interface";
  for (const IpAddress& address : self_->addresses) {
    text += " " + address.ToString();
  }
  const UdpPorts ports = udp_->ports();
  text += ports.v4 ? ", UDP port " + std::to_string(*ports.v4) : "";
  if (ports.v6 && ports.v6 != ports.v4) {
    text += ", IPv6 UDP port " + std::to_string(*ports.v6);
  }
  shell::Log(LogLevel::kInfo, text + ", control socket " + control_path_);
}

}  // namespace natkit::meshnode
