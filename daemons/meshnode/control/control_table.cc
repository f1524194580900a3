#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "control/control_json.h"
#include "control/json_text.h"
#include "natkit/base/text.h"

namespace natkit::meshnode {

namespace {

using Row = std::vector<std::string>;

bool IsTrue(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

double Number(const Json& object, const char* key, double fallback) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number() ? found->get<double>()
                                                     : fallback;
}

const Json& Child(const Json& object, const char* key) {
  static const Json kEmpty = Json::object();
  const auto found = object.find(key);
  return found == object.end() ? kEmpty : *found;
}

std::string Joined(const Json& list) {
  std::string out;
  for (const Json& item : list) {
    if (item.is_string()) {
      out += (out.empty() ? "" : ", ") +
             EscapeControls(item.get_ref<const std::string&>());
    }
  }
  return out.empty() ? "-" : out;
}

std::string Fixed(double value, int decimals, const char* unit) {
  std::array<char, 64> text{};
  const int size =
      std::snprintf(text.data(), text.size(), "%.*f%s", decimals, value, unit);
  return {text.data(), static_cast<size_t>(std::clamp(size, 0, 63))};
}

std::string Bytes(double bytes) {
  constexpr std::array kUnits = {" B", " KiB", " MiB", " GiB", " TiB"};
  size_t unit = 0;
  while (bytes >= 1024 && unit + 1 < kUnits.size()) {
    bytes /= 1024;
    ++unit;
  }
  return Fixed(bytes, unit == 0 ? 0 : 1, kUnits.at(unit));
}

std::string Ago(double seconds) {
  constexpr double kMost = 1e15;  // an integer can hold it
  const auto s = static_cast<int64_t>(std::clamp(seconds, 0.0, kMost));
  if (s < 120) {
    return std::to_string(s) + " s ago";
  }
  return s < 7200 ? std::to_string(s / 60) + " min ago"
                  : std::to_string(s / 3600) + " h ago";
}

/// What there is to say of the path besides where it leads.
std::string PathRemarks(const Json& peer) {
  if (IsTrue(peer, "suspect")) {
    return " (suspect)";
  }
  if (!IsTrue(peer, "resting")) {
    return "";
  }
  const double keepalive = Number(peer, "keepalive_s", 0);
  return keepalive > 0 ? " (rests, keepalive each " + Fixed(keepalive, 0, " s)")
                       : " (rests, no keepalives)";
}

/// Whether the server does not see the peer.
bool IsOffline(const Json& status, const Json& peer) {
  const Json& known =
      Child(Child(status, "Peer"), ShownText(peer, "public_key").c_str());
  const auto online = known.find("Online");
  return online != known.end() && online->is_boolean() && !online->get<bool>();
}

Row PeerRow(const Json& status, const Json& peer, double now_unix) {
  const Json& path = Child(peer, "path");
  const double rtt = Number(path, "rtt_ms", -1);
  const double handshake = Number(peer, "last_handshake_unix", -1);
  return {ShownText(peer, "name"),
          Joined(Child(peer, "addresses")),
          DescribeJsonPath(path) + PathRemarks(peer) +
              (IsOffline(status, peer) ? " (offline)" : ""),
          rtt < 0 ? "-" : Fixed(rtt, 1, " ms"),
          handshake < 0 ? "never" : Ago(now_unix - handshake),
          Bytes(Number(peer, "rx_bytes", 0)),
          Bytes(Number(peer, "tx_bytes", 0))};
}

std::string Relays(const Json& relays) {
  std::string out;
  for (const Json& relay : relays) {
    out += (out.empty() ? "" : ", ") + ShownText(relay, "name") +
           (IsTrue(relay, "up") ? " up" : " down") +
           (IsTrue(relay, "home") ? " (home)" : "");
  }
  return out.empty() ? "none" : out;
}

std::string StandingRemark(const std::string& standing) {
  if (standing == "behind-nat") {
    return " (another NAT stands before it: not reachable from outside)";
  }
  if (standing == "unverified") {
    return " (not verified: no STUN server has answered)";
  }
  if (standing == "not-probed") {
    return " (not probed: no server could try it from outside)";
  }
  if (standing == "unreachable") {
    return " (packets from outside do not arrive there)";
  }
  return "";
}

std::string PortMapping(const Json& state) {
  if (!IsTrue(state, "enabled")) {
    return "off";
  }
  std::string out;
  for (const Json& mapping : Child(state, "mappings")) {
    out += (out.empty() ? "" : ", ") + ShownText(mapping, "external") + " by " +
           ShownText(mapping, "service") +
           StandingRemark(ShownText(mapping, "standing"));
  }
  if (out.empty()) {
    const std::string error = ShownText(state, "error_text");
    return error.empty() ? "none" : "none: " + error;
  }
  return out;
}

std::string Health(const Json& status) {
  std::string out;
  for (const Json& text : Child(status, "Health")) {
    if (text.is_string()) {
      out += "  attention   " +
             EscapeControls(text.get_ref<const std::string&>()) + "\n";
    }
  }
  return out;
}

std::string ExitNode(const Json& exit) {
  const std::string name = ShownText(exit, "Name");
  return name.empty() ? ""
                      : "  exit node   " + name +
                            (IsTrue(exit, "Usable") ? "\n" : " (blocked)\n");
}

/// Columns as wide as their widest cell, two blanks between them.
std::string Align(const std::vector<Row>& rows) {
  std::vector<size_t> widths(rows.front().size());
  for (const Row& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  std::string out;
  for (const Row& row : rows) {
    for (size_t i = 0; i + 1 < row.size(); ++i) {
      out += row[i] + std::string(widths[i] - row[i].size() + 2, ' ');
    }
    out += row.back() + "\n";
  }
  return out;
}

}  // namespace

std::string DescribeJsonPath(const Json& path) {
  const std::string kind = ShownText(path, "kind");
  if (kind == "direct") {
    return kind + " " + ShownText(path, "remote");
  }
  return kind == "relay" ? kind + " " + ShownText(path, "relay") : "none";
}

std::string StatusTable(const Json& status, double now_unix) {
  if (!status.contains("peers")) {
    return ShownText(status, "name") + " is in no mesh yet\n" + Health(status);
  }
  std::string out = ShownText(status, "name") + " in mesh \"" +
                    ShownText(status, "mesh") + "\"\n";
  out += Health(status);
  out += "  public key  " + ShownText(status, "public_key") + "\n";
  out += "  addresses   " + Joined(Child(status, "addresses")) + "\n";
  out += "  endpoints   " + Joined(Child(status, "local_endpoints")) + "\n";
  out += "  seen as     " + Joined(Child(status, "reflexive")) + "\n";
  const double lifetime = Number(status, "mapping_lifetime_s", 0);
  if (lifetime > 0) {
    out += "  NAT keeps   " + Fixed(lifetime, 0, " s without traffic\n");
  }
  out += "  mapped as   " + PortMapping(Child(status, "port_mapping")) + "\n";
  out += ExitNode(Child(status, "ExitNode"));
  out += "  relays      " + Relays(Child(status, "relays")) + "\n\n";
  std::vector<Row> rows = {
      {"PEER", "ADDRESS", "PATH", "RTT", "HANDSHAKE", "RX", "TX"}};
  for (const Json& peer : Child(status, "peers")) {
    rows.push_back(PeerRow(status, peer, now_unix));
  }
  return out + Align(rows);
}

}  // namespace natkit::meshnode
