#include <array>
#include <charconv>
#include <chrono>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "natkit/base/encoding.h"
#include "natkit/wg/uapi.h"

namespace natkit::wg {

namespace {

/// One operation while its lines are read. Each setter takes a value and says
/// whether it is acceptable.
class SetParser {
 public:
  bool HandleLine(std::string_view line) {
    const size_t equals = line.find('=');
    if (equals == std::string_view::npos) {
      return false;
    }
    const std::string_view key = line.substr(0, equals);
    const std::string_view value = line.substr(equals + 1);
    if (key == "public_key") {
      return StartPeer(value);
    }
    return update_.peers.empty() ? SetDeviceKey(key, value)
                                 : SetPeerKey(key, value);
  }

  DeviceUpdate Take() { return std::move(update_); }

 private:
  using Setter = bool (SetParser::*)(std::string_view);

  struct Entry {
    std::string_view key;
    Setter set;
  };

  template <size_t N>
  bool Dispatch(const std::array<Entry, N>& table, std::string_view key,
                std::string_view value) {
    for (const Entry& entry : table) {
      if (entry.key == key) {
        return (this->*entry.set)(value);
      }
    }
    return false;
  }

  bool SetDeviceKey(std::string_view key, std::string_view value) {
    static constexpr std::array<Entry, 4> kTable = {{
        {"private_key", &SetParser::SetPrivateKey},
        {"listen_port", &SetParser::SetListenPort},
        {"fwmark", &SetParser::SetFwmark},
        {"replace_peers", &SetParser::SetReplacePeers},
    }};
    return Dispatch(kTable, key, value);
  }

  bool SetPeerKey(std::string_view key, std::string_view value) {
    static constexpr std::array<Entry, 8> kTable = {{
        {"remove", &SetParser::SetRemove},
        {"update_only", &SetParser::SetUpdateOnly},
        {"preshared_key", &SetParser::SetPresharedKey},
        {"endpoint", &SetParser::SetPeerEndpoint},
        {"persistent_keepalive_interval", &SetParser::SetKeepalive},
        {"replace_allowed_ips", &SetParser::SetReplaceAllowedIps},
        {"allowed_ip", &SetParser::AddAllowedIp},
        {"protocol_version", &SetParser::CheckProtocolVersion},
    }};
    return Dispatch(kTable, key, value);
  }

  bool StartPeer(std::string_view value) {
    const Result<PublicKey> key = PublicKey::FromHex(value);
    if (!key) {
      return false;
    }
    update_.peers.emplace_back().public_key = *key;
    return true;
  }

  PeerUpdate& peer() { return update_.peers.back(); }

  template <class T>
  static bool ParseNumber(std::string_view value, T& out) {
    const char* end = value.data() + value.size();
    const auto [rest, error] = std::from_chars(value.data(), end, out);
    return error == std::errc{} && rest == end;
  }

  template <class T>
  static bool SetNumber(std::string_view value, std::optional<T>& out) {
    return ParseNumber(value, out.emplace());
  }

  // The protocol knows these flags as "true" alone.
  static bool SetFlag(std::string_view value, bool& flag) {
    flag = true;
    return value == "true";
  }

  template <class Key>
  static bool SetSecret(std::string_view value, std::optional<Key>& out) {
    return FromHexExact(value, out.emplace().ExposeMutable()).has_value();
  }

  bool SetPrivateKey(std::string_view value) {
    return SetSecret(value, update_.private_key);
  }

  bool SetListenPort(std::string_view value) {
    return SetNumber(value, update_.listen_port);
  }

  bool SetFwmark(std::string_view value) {
    return SetNumber(value, update_.fwmark);
  }

  bool SetReplacePeers(std::string_view value) {
    return SetFlag(value, update_.replace_peers);
  }

  bool SetRemove(std::string_view value) {
    return SetFlag(value, peer().remove);
  }

  bool SetUpdateOnly(std::string_view value) {
    return SetFlag(value, peer().update_only);
  }

  bool SetPresharedKey(std::string_view value) {
    return SetSecret(value, peer().preshared_key);
  }

  bool SetPeerEndpoint(std::string_view value) {
    const Result<Endpoint> endpoint = Endpoint::Parse(value);
    if (!endpoint) {
      return false;
    }
    peer().endpoint = *endpoint;
    return true;
  }

  bool SetKeepalive(std::string_view value) {
    uint16_t seconds = 0;
    if (!ParseNumber(value, seconds)) {
      return false;
    }
    peer().persistent_keepalive = std::chrono::seconds(seconds);
    return true;
  }

  bool SetReplaceAllowedIps(std::string_view value) {
    return SetFlag(value, peer().replace_allowed_ips);
  }

  bool AddAllowedIp(std::string_view value) {
    const Result<IpPrefix> prefix = IpPrefix::Parse(value);
    if (!prefix) {
      return false;
    }
    peer().allowed_ips.push_back(*prefix);
    return true;
  }

  bool CheckProtocolVersion(std::string_view value) { return value == "1"; }

  DeviceUpdate update_;
};

// Cuts the next line off `rest`.
std::string_view TakeLine(std::string_view& rest) {
  const size_t end = rest.find('\n');
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return line;
}

}  // namespace

Result<DeviceUpdate> ParseSet(std::string_view text) {
  SetParser parser;
  std::string_view rest = text;
  if (rest.starts_with("set=1\n")) {
    TakeLine(rest);
  }
  while (!rest.empty()) {
    const size_t offset = text.size() - rest.size();
    const std::string_view line = TakeLine(rest);
    if (line.empty() && rest.empty()) {
      break;
    }
    if (!parser.HandleLine(line)) {
      return Fail(Errc::kBadConfig, offset);
    }
  }
  return parser.Take();
}

}  // namespace natkit::wg
