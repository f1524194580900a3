#include "shell/node_shell_events.h"

#include <chrono>
#include <variant>

namespace natkit::meshnode {

namespace {

struct Describer {
  const std::map<mesh::RelayId, mesh::RelayEntry>& relays;

  std::optional<LogLine> operator()(const mesh::PathChanged& event) const {
    switch (event.path.kind) {
      case mesh::PathKind::kNone:
        return LogLine{LogLevel::kWarning, event.peer + ": no path"};
      case mesh::PathKind::kRelay:
        return LogLine{LogLevel::kInfo,
                       event.peer + ": over relay " + event.path.relay};
      case mesh::PathKind::kDirect:
        return LogLine{LogLevel::kInfo, event.peer + ": " +
                                            mesh::DescribePath(event.path) +
                                            LocalPart(event.path)};
    }
    return std::nullopt;
  }

  std::optional<LogLine> operator()(const mesh::RelayChanged& event) const {
    const auto relay = relays.find(event.relay);
    if (relay == relays.end()) {
      return std::nullopt;  // it is no relay of the mesh any longer
    }
    const std::string name = "relay " + relay->second.name;
    if (event.is_up) {
      return LogLine{LogLevel::kInfo, name + ": connected"};
    }
    return LogLine{LogLevel::kWarning, name + ": not connected" +
                                           (event.reason.empty() ? "" : ": ") +
                                           event.reason};
  }

  std::optional<LogLine> operator()(const mesh::HomeChanged& event) const {
    const auto relay = relays.find(event.relay);
    if (relay == relays.end()) {
      return std::nullopt;
    }
    std::string text = "relay " + relay->second.name + ": is home";
    if (event.round_trip) {
      const auto ms =
          std::chrono::round<std::chrono::milliseconds>(*event.round_trip);
      text += ", " + std::to_string(ms.count()) + " ms away";
    }
    return LogLine{LogLevel::kInfo, text};
  }

  std::optional<LogLine> operator()(
      const mesh::HandshakeCompleted& event) const {
    return LogLine{LogLevel::kDebug, event.peer + ": handshake completed"};
  }

  std::optional<LogLine> operator()(const mesh::PingReply&) const {
    return std::nullopt;
  }

  std::optional<LogLine> operator()(const mesh::ReflexiveChanged& event) const {
    if (event.mapped.empty()) {
      return LogLine{LogLevel::kInfo, "no STUN server sees us"};
    }
    std::string text = "seen from outside as";
    for (const Endpoint& endpoint : event.mapped) {
      text += " " + endpoint.ToString();
    }
    return LogLine{LogLevel::kInfo, text};
  }

  /// What follows from it is a PortMapperEvent, unless nobody could try.
  std::optional<LogLine> operator()(const mesh::MappingProbed& event) const {
    if (event.reach != nat::InboundReach::kNotProbed) {
      return std::nullopt;
    }
    return LogLine{LogLevel::kInfo,
                   "no STUN server here can try the mapped port from outside: "
                   "that takes one with two addresses (RFC 5780)"};
  }

  std::optional<LogLine> operator()(const mesh::PeerRemoved& event) const {
    return LogLine{LogLevel::kInfo, event.peer + ": removed"};
  }

  std::optional<LogLine> operator()(const mesh::PeerKeyChanged& event) const {
    return LogLine{LogLevel::kInfo, event.peer + ": uses its next key"};
  }

  static std::string LocalPart(const mesh::Path& path) {
    return path.local ? " (from " + path.local->ToString() + ")" : "";
  }
};

}  // namespace

std::optional<LogLine> DescribeEvent(
    const mesh::NodeEvent& event,
    const std::map<mesh::RelayId, mesh::RelayEntry>& relays) {
  return std::visit(Describer{relays}, event);
}

}  // namespace natkit::meshnode
