#include "wg/wg_interface.h"

#include <sys/stat.h>

#include <cerrno>
#include <utility>
#include <variant>

#include "natkit/base/secret.h"
#include "natkit/io/link_control.h"
#include "natkit/shell/error_text.h"
#include "natkit/shell/logging.h"

namespace natkit::meshnode {

namespace {

std::string TunProblem(Errc code, const std::string& name) {
  switch (code) {
    case Errc::kNoDevice:
      return "/dev/net/tun is missing: load the tun module, or give this "
             "container the device";
    case Errc::kPermissionDenied:
      return "no permission to create " + name +
             ": it takes root or CAP_NET_ADMIN";
    case Errc::kAlreadyExists:
      return "an interface named " + name + " exists already";
    case Errc::kBadValue:
      return "'" + name + "' is not a valid interface name";
    default:
      return "cannot create " + name + ": " + std::string(ErrcName(code));
  }
}

std::string ControlProblem(Errc code, const std::string& path) {
  if (code == Errc::kAddressInUse) {
    return "another process serves " + path;
  }
  return "cannot listen on " + path + ": " + std::string(ErrcName(code));
}

shell::Outcome<void> MakeControlFolder() {
  if (::mkdir(WgInterface::kControlFolder, 0700) != 0 && errno != EEXIST) {
    return std::unexpected(shell::SystemError(std::string("cannot create ") +
                                              WgInterface::kControlFolder));
  }
  return {};
}

wg::DeviceConfig MakeConfig(uint32_t mtu) {
  return {.wall_clock_offset = io::EventLoop::UnixNow().time_since_epoch() -
                               io::EventLoop::Now().time_since_epoch(),
          .tunnel_mtu = mtu};
}

}  // namespace

shell::Outcome<std::unique_ptr<WgInterface>> WgInterface::Create(
    io::EventLoop& loop, Rng& rng, const std::string& name, uint32_t mtu) {
  auto tun = io::TunDevice::Open(loop, name);
  if (!tun) {
    return std::unexpected(TunProblem(tun.error().code, name));
  }
  std::unique_ptr<WgInterface> interface(
      new WgInterface(loop, rng, *std::move(tun), mtu));
  auto link = io::LinkControl::Find(name);
  if (!link || !link->SetMtu(mtu)) {
    return std::unexpected("cannot set the MTU of " + name);
  }
  if (auto started = interface->Start(); !started) {
    return std::unexpected(started.error());
  }
  return interface;
}

WgInterface::WgInterface(io::EventLoop& loop, Rng& rng, io::TunDevice tun,
                         uint32_t mtu)
    : tun_(std::move(tun)),
      device_(MakeConfig(mtu), rng),
      timer_(loop, [this] { HandleTimeout(); }),
      sockets_(loop, [this](PacketBatch& batch) { HandleDatagrams(batch); }),
      control_(loop, [this](std::string& request) {
        return HandleRequest(request);
      }) {}

shell::Outcome<void> WgInterface::Start() {
  const auto port = sockets_.Bind(0);
  if (!port) {
    return std::unexpected("cannot open a UDP socket: " +
                           std::string(ErrcName(port.error().code)));
  }
  device_.set_listen_port(*port);
  if (auto made = MakeControlFolder(); !made) {
    return made;
  }
  const std::string path =
      std::string(kControlFolder) + "/" + tun_.name() + ".sock";
  if (auto listening = control_.Listen(path); !listening) {
    return std::unexpected(ControlProblem(listening.error().code, path));
  }
  tun_.Start([this](PacketBatch& batch) { HandlePackets(batch); },
             [this] {
               if (on_gone_) {
                 on_gone_();
               }
             });
  return {};
}

void WgInterface::HandlePackets(const PacketBatch& packets) {
  device_.SendPackets(io::EventLoop::Now(), packets, outgoing_);
  Pump();
}

void WgInterface::HandleDatagrams(const PacketBatch& datagrams) {
  device_.HandleDatagrams(io::EventLoop::Now(), datagrams, plaintext_,
                          outgoing_);
  tun_.Write(plaintext_);
  plaintext_.Clear();
  Pump();
}

void WgInterface::HandleTimeout() {
  device_.HandleTimeout(io::EventLoop::Now(), outgoing_);
  Pump();
}

void WgInterface::Pump() {
  sockets_.Send(outgoing_);
  outgoing_.Clear();
  while (const auto event = device_.PollEvent()) {
    LogEvent(*event);
  }
  timer_.Arm(device_.NextTimeout());
}

void WgInterface::LogEvent(const wg::DeviceEvent& event) const {
  struct Text {
    std::string operator()(const wg::HandshakeCompleted& item) const {
      return item.role == wg::Role::kInitiator
                 ? "handshake completed as initiator"
                 : "handshake completed as responder";
    }

    std::string operator()(const wg::HandshakeGaveUp& /*item*/) const {
      return "no answer to handshakes, giving up";
    }

    std::string operator()(const wg::EndpointChanged& item) const {
      return "endpoint is " + item.remote.ToString();
    }

    std::string operator()(const wg::SessionExpired& /*item*/) const {
      return "session expired";
    }
  };

  const wg::PeerId id =
      std::visit([](const auto& item) { return item.peer; }, event);
  const auto peer = device_.GetPeer(id);
  const std::string name =
      peer ? peer->public_key.ToBase64().substr(0, 8) + "..." : "(removed)";
  shell::Log(LogLevel::kDebug,
             "peer " + name + ": " + std::visit(Text{}, event));
}

wg::SecretText WgInterface::HandleRequest(std::string& request) {
  if (!request.starts_with("set=1\n")) {
    return wg::HandleUapiRequest(io::EventLoop::Now(), device_, request);
  }
  const auto result = Configure(request);
  if (!result) {
    shell::Log(
        LogLevel::kWarning,
        "configuration refused: " + std::string(ErrcName(result.error().code)));
  }
  Pump();
  return wg::SecretText(wg::FormatSetResult(result));
}

Result<void> WgInterface::Configure(std::string_view request) {
  auto update = wg::ParseSet(request);
  if (!update) {
    return std::unexpected(update.error());
  }
  // What may fail at the system comes first, so that a refusal changes nothing.
  if (update->listen_port) {
    const auto port = sockets_.Bind(*update->listen_port);
    if (!port) {
      return std::unexpected(port.error());
    }
    update->listen_port = *port;
  }
  if (update->fwmark) {
    if (auto marked = sockets_.SetFwmark(*update->fwmark); !marked) {
      return marked;
    }
  }
  return device_.Apply(io::EventLoop::Now(), *std::move(update));
}

}  // namespace natkit::meshnode
