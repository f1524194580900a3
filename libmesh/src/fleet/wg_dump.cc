#include "natkit/mesh/fleet/wg_dump.h"

#include <algorithm>
#include <charconv>

namespace natkit::mesh {

namespace {

constexpr std::string_view kNone = "(none)";
constexpr std::string_view kHidden = "(hidden)";
constexpr size_t kInterfaceFields = 4;
constexpr size_t kPeerFields = 8;

using Fields = std::vector<std::string_view>;

Fields Split(std::string_view line, char separator) {
  Fields out;
  for (size_t begin = 0;;) {
    const size_t end = line.find(separator, begin);
    out.push_back(line.substr(begin, end - begin));
    if (end == std::string_view::npos) {
      return out;
    }
    begin = end + 1;
  }
}

template <class Number>
bool ReadNumber(std::string_view text, Number& out) {
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, out);
  return error == std::errc() && end == last;
}

/// wg writes the zone of a link-local address: [fe80::1%eth0]:51820.
Result<Endpoint> ReadEndpoint(std::string_view text) {
  const size_t zone = text.find('%');
  if (zone == std::string_view::npos) {
    return Endpoint::Parse(text);
  }
  const size_t bracket = std::min(text.find(']', zone), text.size());
  std::string without(text.substr(0, zone));
  return Endpoint::Parse(without.append(text.substr(bracket)));
}

/// Each function reads one field into its place; false if it cannot.
bool ReadKey(std::string_view text, std::optional<PublicKey>& out) {
  if (text == kNone) {
    return true;
  }
  const auto key = PublicKey::FromBase64(text);
  if (key) {
    out = *key;
  }
  return key.has_value();
}

bool ReadAllowedIps(std::string_view text, std::vector<IpPrefix>& out) {
  if (text == kNone) {
    return true;
  }
  for (const std::string_view word : Split(text, ',')) {
    const auto prefix = IpPrefix::Parse(word);
    if (!prefix) {
      return false;
    }
    out.push_back(*prefix);
  }
  return true;
}

bool ReadHandshake(std::string_view text,
                   std::optional<std::chrono::sys_seconds>& out) {
  // Beyond this no arithmetic with ages would hold; it is the year 36812.
  constexpr uint64_t kLatest = uint64_t{1} << 40;
  uint64_t seconds = 0;
  if (!ReadNumber(text, seconds) || seconds > kLatest) {
    return false;
  }
  if (seconds != 0) {
    out = std::chrono::sys_seconds(
        std::chrono::seconds(static_cast<int64_t>(seconds)));
  }
  return true;
}

bool ReadKeepalive(std::string_view text, std::chrono::seconds& out) {
  uint16_t seconds = 0;
  if (text != "off" && !ReadNumber(text, seconds)) {
    return false;
  }
  out = std::chrono::seconds(seconds);
  return true;
}

using Failure = std::optional<std::string_view>;  // the field that is wrong

Failure ReadInterface(const Fields& fields, WgDumpInterface& out) {
  if (!ReadKey(fields[1], out.public_key)) {
    return "public key";
  }
  if (!ReadNumber(fields[2], out.listen_port)) {
    return "listen port";
  }
  return std::nullopt;
}

Failure ReadPeer(const Fields& fields, WgDumpPeer& out) {
  std::optional<PublicKey> key;
  if (!ReadKey(fields[0], key) || !key) {
    return "public key";
  }
  out.public_key = *key;
  out.has_preshared_key = fields[1] != kNone;
  if (fields[2] != kNone) {
    const auto endpoint = ReadEndpoint(fields[2]);
    if (!endpoint) {
      return "endpoint";
    }
    out.endpoint = *endpoint;
  }
  if (!ReadAllowedIps(fields[3], out.allowed_ips)) {
    return "allowed IPs";
  }
  if (!ReadHandshake(fields[4], out.latest_handshake)) {
    return "latest handshake";
  }
  if (!ReadNumber(fields[5], out.rx_bytes) ||
      !ReadNumber(fields[6], out.tx_bytes)) {
    return "transfer";
  }
  if (!ReadKeepalive(fields[7], out.keepalive)) {
    return "persistent keepalive";
  }
  return std::nullopt;
}

/// Reads line by line; lives as long as one call of ParseWgDump().
class DumpReader {
 public:
  /// What is wrong with the line, if anything is.
  std::optional<std::string> Read(std::string_view line) {
    Fields fields = Split(line, '\t');
    std::string_view name;
    const bool is_named = fields.size() == kInterfaceFields + 1 ||
                          fields.size() == kPeerFields + 1;
    if (!interfaces_.empty() && is_named != is_named_) {
      return "it does not go with the lines before it";
    }
    is_named_ = is_named;
    if (is_named) {
      name = fields.front();
      fields.erase(fields.begin());
      if (name.empty()) {
        return "the interface has no name";
      }
    }
    const auto wrong = ReadFields(name, fields);
    return wrong ? std::optional("wrong " + std::string(*wrong)) : std::nullopt;
  }

  std::vector<WgDumpInterface> Take() { return std::move(interfaces_); }

 private:
  Failure ReadFields(std::string_view name, const Fields& fields) {
    if (fields.size() == kInterfaceFields) {
      if (!interfaces_.empty() && !is_named_) {
        return "second interface";
      }
      interfaces_.push_back({});
      interfaces_.back().name = name;
      return ReadInterface(fields, interfaces_.back());
    }
    if (fields.size() != kPeerFields) {
      return "number of fields";
    }
    if (interfaces_.empty() || interfaces_.back().name != name) {
      return "interface: a peer of none";
    }
    interfaces_.back().peers.push_back({});
    return ReadPeer(fields, interfaces_.back().peers.back());
  }

  std::vector<WgDumpInterface> interfaces_;
  bool is_named_ = false;
};

void FormatPeer(const std::string& head, const WgDumpPeer& peer,
                std::string& out) {
  std::string prefixes;
  for (const IpPrefix& prefix : peer.allowed_ips) {
    prefixes += (prefixes.empty() ? "" : ",") + prefix.ToString();
  }
  const auto number = [](auto value) { return "\t" + std::to_string(value); };
  out += head + peer.public_key.ToBase64();
  out.append("\t").append(peer.has_preshared_key ? kHidden : kNone);
  out +=
      "\t" + (peer.endpoint ? peer.endpoint->ToString() : std::string(kNone));
  out += "\t" + (prefixes.empty() ? std::string(kNone) : prefixes);
  out += number(peer.latest_handshake
                    ? peer.latest_handshake->time_since_epoch().count()
                    : 0);
  out += number(peer.rx_bytes) + number(peer.tx_bytes);
  out += peer.keepalive.count() != 0 ? number(peer.keepalive.count()) : "\toff";
  out += "\n";
}

}  // namespace

std::expected<std::vector<WgDumpInterface>, Diagnostic> ParseWgDump(
    std::string_view text) {
  DumpReader reader;
  for (unsigned line = 1; !text.empty(); ++line) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view content = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (content.empty()) {
      continue;
    }
    if (auto wrong = reader.Read(content)) {
      return std::unexpected(Diagnostic{
          Severity::kError, line, "not a line of `wg show dump`: " + *wrong});
    }
  }
  return reader.Take();
}

std::string FormatWgDump(const std::vector<WgDumpInterface>& interfaces) {
  std::string out;
  for (const WgDumpInterface& one : interfaces) {
    const std::string head = one.name.empty() ? "" : one.name + "\t";
    out.append(head).append(one.public_key ? kHidden : kNone).append("\t");
    out += one.public_key ? one.public_key->ToBase64() : std::string(kNone);
    out += "\t" + std::to_string(one.listen_port) + "\toff\n";
    for (const WgDumpPeer& peer : one.peers) {
      FormatPeer(head, peer, out);
    }
  }
  return out;
}

}  // namespace natkit::mesh
