#include "shell/node_shell.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <utility>
#include <variant>

#include "control/control_path.h"
#include "control/peer_name.h"
#include "natkit/shell/logging.h"
#include "shell/node_shell_addresses.h"
#include "shell/node_shell_events.h"

namespace natkit::meshnode {

namespace {

/// How late a sleep, or a clock that was set, may be noticed.
constexpr Duration kClockCheck = std::chrono::seconds(10);

/// By nohup(1), for one: then the end of the terminal is not ours.
bool IsHangUpIgnored() {
  struct sigaction action{};
  return sigaction(SIGHUP, nullptr, &action) == 0 &&
         action.sa_handler == SIG_IGN;
}

Instant Now() {
  return io::EventLoop::Now();
}

}  // namespace

NodeShell::NodeShell(io::EventLoop& loop)
    : loop_(loop),
      punch_(loop,
             [this](PacketBatch& batch) {
               node_->HandleUdp(Now(), batch);
               Pump();
             }),
      timer_(loop,
             [this] {
               node_->HandleTimeout(Now());
               Pump();
             }),
      clock_timer_(loop, [this] { CheckClock(); }),
      signals_(loop, {SIGINT, SIGTERM},
               [this](int) { Stop(kExitOk, "stopping on a signal"); }) {
  if (!IsHangUpIgnored()) {
    hang_up_.emplace(loop, std::initializer_list<int>{SIGHUP}, [this](int) {
      Stop(kExitOk, "stopping: the terminal has gone");
    });
  }
}

NodeShell::~NodeShell() = default;

int NodeShell::Run() {
  loop_.Run();
  return exit_code_;
}

void NodeShell::Start() {
  const Instant now = Now();
  udp_->Start([this](PacketBatch& batch) {
    node_->HandleUdp(Now(), batch);
    Pump();
  });
  if (tun_) {
    tun_->Start(
        [this](PacketBatch& batch) {
          node_->HandleTun(Now(), batch);
          Pump();
        },
        [this] {
          Stop(kExitFailure, "somebody deleted the network interface");
        });
  }
  stun_.emplace(loop_, mesh_, [this](std::vector<Endpoint> servers) {
    node_->SetStunServers(Now(), std::move(servers));
    Pump();
  });
  UpdateLocalEndpoints();
  node_->Start(now);
  stun_->Refresh();
  Pump();
  StartPortMapping();
  CheckClock();
}

std::optional<std::string> NodeShell::NotReady() const {
  if (node_ != nullptr) {
    return std::nullopt;
  }
  return "this node is not in a mesh yet: " +
         DescribeMembership(membership_->state());
}

ControlHandlers NodeShell::MakeControlHandlers() {
  return {.status = [this] { return StatusLine(); },
          .why = [this](const std::string& peer) -> Outcome<std::string> {
            if (const auto not_ready = NotReady()) {
              return std::unexpected(*not_ready);
            }
            const mesh::NodeEntry* entry = FindNode(peer);
            if (entry == nullptr || entry == self_) {
              return std::unexpected("there is no peer \"" + peer + "\"");
            }
            const auto diagnosis = node_->Explain(Now(), entry->name);
            if (!diagnosis) {
              return std::unexpected("there is no peer \"" + peer + "\"");
            }
            return FormatWhy(entry->name, *diagnosis);
          },
          .find_peer =
              [this](const std::string& peer) { return FindPingAddress(peer); },
          .send_ping =
              [this](const std::string& peer, uint16_t sequence) {
                const mesh::NodeEntry* entry = FindNode(peer);
                auto sent = node_->SendPing(
                    Now(), entry == nullptr ? peer : entry->name, sequence);
                Pump();
                return sent;
              },
          .stop = [this] { Stop(kExitOk, "stopping on `meshnode down`"); },
          .set = [this](const auto& values) { return Set(values); },
          .logout = [this] { return Logout(); },
          .rekey = [this] { return Rekey(); },
          .debug = [this] { return DebugLine(); },
          .netcheck = [this] { return NetcheckLine(); }};
}

const mesh::NodeEntry* NodeShell::FindNode(const std::string& name) const {
  const mesh::NetworkMap* map = membership_ ? membership_->map() : nullptr;
  const std::string domain = map != nullptr && map->dns ? map->dns->domain : "";
  const auto found =
      std::ranges::find_if(mesh_.nodes, [&](const mesh::NodeEntry& node) {
        return IsNameOf(
            name,
            {.name = node.name, .domain = domain, .addresses = node.addresses});
      });
  return found == mesh_.nodes.end() ? nullptr : &*found;
}

Outcome<IpAddress> NodeShell::FindPingAddress(const std::string& peer) const {
  if (const auto not_ready = NotReady()) {
    return std::unexpected(*not_ready);
  }
  const mesh::NodeEntry* entry = FindNode(peer);
  if (entry != nullptr && entry == self_) {
    return std::unexpected("\"" + peer + "\" is this node itself");
  }
  if (entry == nullptr) {
    std::string text = "there is no node \"" + peer + "\"; its peers are";
    for (const mesh::NodeEntry& node : mesh_.nodes) {
      text += &node == self_ ? "" : " " + node.name;
    }
    return std::unexpected(text);
  }
  const auto has_family = [this](const IpAddress& address) {
    return std::ranges::find(self_->addresses, address.family(),
                             &IpAddress::family) != self_->addresses.end();
  };
  const auto found = std::ranges::find_if(entry->addresses, has_family);
  if (found == entry->addresses.end()) {
    return std::unexpected("\"" + peer +
                           "\" has no address of a family that this node has");
  }
  return *found;
}

void NodeShell::HandleNetworkChange() {
  UpdateLocalEndpoints();
  stun_->Refresh();
  Pump();
  if (membership_) {
    UpdateRoutes();
    membership_->HandleNetworkChange();
  }
  if (port_mapping_) {
    port_mapping_->Refresh();
  }
}

/// After a sleep, and when the clock was set, mappings, streams and sessions
/// may be gone, and rules with time windows hold or do not.
void NodeShell::CheckClock() {
  clock_timer_.Arm(Now() + kClockCheck);
  const auto wall = std::chrono::system_clock::now();
  if (node_->filter() != nullptr) {
    node_->filter()->SetUnixTime(
        Now(), std::chrono::duration_cast<std::chrono::seconds>(
                   wall.time_since_epoch())
                   .count());
  }
  const auto jump = clock_.Check(Now(), wall);
  if (!jump) {
    return;
  }
  shell::Log(
      LogLevel::kInfo,
      "the clock jumped by " +
          std::to_string(
              std::chrono::duration_cast<std::chrono::seconds>(*jump).count()) +
          " s: the machine slept, or its clock was set");
  HandleNetworkChange();
}

void NodeShell::UpdateLocalEndpoints() {
  const auto addresses = io::ListInterfaceAddresses();
  if (!addresses) {
    shell::Log(LogLevel::kWarning, "cannot list the network addresses: " +
                                       DescribeError(addresses.error().code));
    return;
  }
  const auto is_tunnel = [this](const std::string& interface) {
    return (tun_ && interface == tun_->name()) || IsMeshTunnel(interface);
  };
  node_->SetLocalEndpoints(
      Now(), ChooseLocalEndpoints(*addresses, mesh_, udp_->ports(), is_tunnel));
}

void NodeShell::Stop(int exit_code, const std::string& why) {
  shell::Log(exit_code == kExitOk ? LogLevel::kInfo : LogLevel::kError, why);
  exit_code_ = exit_code;
  if (dns_) {
    dns_->Stop();
  }
  if (membership_) {
    membership_->Stop();
  }
  EndPortMapping();
}

void NodeShell::Pump() {
  while (const auto command = node_->PollRelayCommand()) {
    HandleCommand(*command);
  }
  while (const auto command = node_->PollSocketCommand()) {
    HandleCommand(*command);
  }
  relays_->Fill([this](mesh::RelayId relay, MutableBytes out) {
    return node_->PollRelayBytes(Now(), relay, out);
  });
  if (membership_) {
    SendSignals();
  }
  udp_->Send(punch_.Send(node_->udp_out()));
  node_->udp_out().Clear();
  udp_->SendOpeners(punch_.SendOpeners(node_->openers_out()));
  node_->openers_out().Clear();
  if (tun_ && !node_->tun_out().is_empty()) {
    tun_->Write(node_->tun_out());
  }
  node_->tun_out().Clear();
  while (const auto event = node_->PollEvent()) {
    HandleEvent(*event);
  }
  timer_.Arm(node_->NextTimeout());
}

void NodeShell::HandleCommand(const mesh::RelayCommand& command) {
  if (const auto* connect = std::get_if<mesh::RelayConnect>(&command)) {
    relays_->Open(connect->relay);
  } else if (const auto* close = std::get_if<mesh::RelayClose>(&command)) {
    relays_->Close(close->relay);
  }
}

void NodeShell::HandleCommand(const mesh::SocketCommand& command) {
  if (const auto* open = std::get_if<mesh::SocketsOpen>(&command)) {
    node_->HandleSocketsOpened(Now(), open->request,
                               punch_.Open(*open, fwmark_));
  } else if (const auto* close = std::get_if<mesh::SocketsClose>(&command)) {
    punch_.Close(*close);
  }
}

void NodeShell::HandleEvent(const mesh::NodeEvent& event) {
  if (const auto* reply = std::get_if<mesh::PingReply>(&event)) {
    control_->HandlePingReply(*reply);
  } else if (const auto* seen = std::get_if<mesh::ReflexiveChanged>(&event)) {
    TellPortMapping(*seen);
    ReportSelf(seen->mapped);
  } else if (std::holds_alternative<mesh::HomeChanged>(event)) {
    ReportSelf(node_->Snapshot().reflexive);
  } else if (const auto* probed = std::get_if<mesh::MappingProbed>(&event)) {
    TellPortMapping(*probed);
  }
  if (const auto line = DescribeEvent(event, relays_->relays())) {
    shell::Log(line->level, line->text);
  }
}

}  // namespace natkit::meshnode
