#include "natkit/mesh/fleet/render.h"

#include <algorithm>

#include "fleet/scripts.h"
#include "natkit/base/encoding.h"
#include "natkit/base/secret.h"

namespace natkit::mesh {

namespace {

template <class T>
std::string Join(const std::vector<T>& values, std::string_view separator) {
  std::string out;
  for (const T& value : values) {
    out += (out.empty() ? std::string_view() : separator);
    out += value.ToString();
  }
  return out;
}

void WipeText(std::string& text) {
  WipeBytes({reinterpret_cast<uint8_t*>(text.data()), text.size()});
}

/// Appends "NAME = KEY\n". `out` must not need to grow, so that no copy of the
/// key stays behind.
void AppendSecret(std::string& out, std::string_view name, ByteView key) {
  std::string text = ToBase64(key);
  out.append(name).append(" = ").append(text).append("\n");
  WipeText(text);
}

std::vector<std::string> AddressLines(const FleetNode& node) {
  std::vector<std::string> out;
  for (const IpAddress& address : node.addresses) {
    out.push_back("Address = " + address.ToString() + "/" +
                  std::to_string(address.bit_count()) + "\n");
  }
  return out;
}

/// Room for every line of a file, so that its text never moves in memory.
size_t UpperBound(const FleetNode& node) {
  constexpr size_t kPrefixText = 46;  // the longest, and a comma and a space
  constexpr size_t kFixedLines = 700;
  size_t size = 1000 + node.addresses.size() * 64;
  for (const FleetPeer& peer : node.peers) {
    size += kFixedLines + peer.allowed_ips.size() * kPrefixText +
            peer.endpoint_name.size();
  }
  return size;
}

/// Renders the files of one plan; lives as long as one call of RenderFleet().
class Renderer {
 public:
  Renderer(const FleetPlan& plan, const FleetSecrets& secrets, FleetFiles& out)
      : plan_(plan), secrets_(secrets), out_(out) {}

  void Run() {
    for (const FleetNode& node : plan_.nodes) {
      CheckPrivateKey(node);
      Add(node, plan_.interface + ".conf", Config(node));
      Add(node, "apply.sh",
          ApplyScript(plan_, node, FindPrivateKey(node) != nullptr));
      if (const FleetPeer* next = FindSwitching(node)) {
        Add(node, std::string(kMoveScript), MoveScript(plan_, node, *next));
      }
    }
  }

 private:
  void Add(const FleetNode& node, const std::string& name, std::string text) {
    out_.files.emplace_back(node.name + "/" + name, std::move(text));
  }

  [[nodiscard]] const StaticPrivateKey* FindPrivateKey(
      const FleetNode& node) const {
    const auto found = secrets_.private_keys.find(node.key_name);
    return found != secrets_.private_keys.end() ? &found->second : nullptr;
  }

  /// The next key of a node that is changing its key at this step.
  [[nodiscard]] const FleetPeer* FindSwitching(const FleetNode& node) const {
    if (!plan_.rotation || plan_.rotation->step != FleetRotationStep::kSwitch) {
      return nullptr;
    }
    return node.FindPeer(plan_.rotation->to);
  }

  void CheckPrivateKey(const FleetNode& node);
  std::string Config(const FleetNode& node);
  void AppendInterface(const FleetNode& node, std::string& out) const;
  void AppendPeer(const FleetNode& node, const FleetPeer& peer,
                  std::string& out);
  void AppendPresharedKey(const FleetNode& node, const FleetPeer& peer,
                          std::string& out);

  const FleetPlan& plan_;
  const FleetSecrets& secrets_;
  FleetFiles& out_;
};

void Renderer::CheckPrivateKey(const FleetNode& node) {
  const StaticPrivateKey* key = FindPrivateKey(node);
  if (key != nullptr && DerivePublicKey(*key) != node.public_key) {
    out_.diagnostics.push_back(
        {Severity::kError, 0,
         node.key_name + ".key is not the private key of node \"" + node.name +
             "\", whose public key is " + node.public_key.ToBase64()});
  }
}

std::string Renderer::Config(const FleetNode& node) {
  std::string out;
  out.reserve(UpperBound(node));
  out += "# Node \"" + node.name +
         "\". Made from the mesh file by `meshnode render`; changes here will "
         "be lost.\n";
  AppendInterface(node, out);
  for (const FleetPeer& peer : node.peers) {
    AppendPeer(node, peer, out);
  }
  return out;
}

void Renderer::AppendInterface(const FleetNode& node, std::string& out) const {
  out += "[Interface]\n";
  for (const std::string& line : AddressLines(node)) {
    out += line;
  }
  if (node.listen_port) {
    out += "ListenPort = " + std::to_string(*node.listen_port) + "\n";
  }
  out += "MTU = " + std::to_string(node.mtu) + "\n";
  if (const StaticPrivateKey* key = FindPrivateKey(node)) {
    AppendSecret(out, "PrivateKey", key->Expose());
  } else {
    out += "PostUp = wg set %i private-key " + KeyFile(plan_, node) + "\n";
  }
  if (node.forwards) {
    out +=
        "PostUp = sysctl -q -w net.ipv4.ip_forward=1\n"
        "PostUp = sysctl -q -w net.ipv6.conf.all.forwarding=1\n";
  }
}

void Renderer::AppendPresharedKey(const FleetNode& node, const FleetPeer& peer,
                                  std::string& out) {
  const auto found =
      secrets_.preshared_keys.find(MakeFleetPair(node.name, peer.name));
  if (found != secrets_.preshared_keys.end()) {
    AppendSecret(out, "PresharedKey", found->second.Expose());
  } else if (!secrets_.preshared_keys.empty() && node.name < peer.name &&
             !peer.is_next_key) {
    out_.diagnostics.push_back({Severity::kWarning, 0,
                                "\"" + node.name + "\" and \"" + peer.name +
                                    "\" have no preshared key"});
  }
}

void Renderer::AppendPeer(const FleetNode& node, const FleetPeer& peer,
                          std::string& out) {
  out +=
      "\n[Peer]\n# " + peer.name + (peer.is_next_key ? ", next key\n" : "\n");
  out += "PublicKey = " + peer.public_key.ToBase64() + "\n";
  AppendPresharedKey(node, peer, out);
  if (!peer.allowed_ips.empty()) {
    out += "AllowedIPs = " + Join(peer.allowed_ips, ", ") + "\n";
  }
  if (peer.has_endpoint()) {
    out += "Endpoint = " +
           (peer.endpoint ? peer.endpoint->ToString() : peer.endpoint_name) +
           "\n";
  }
  if (peer.keepalive.count() != 0) {
    out += "PersistentKeepalive = " + std::to_string(peer.keepalive.count()) +
           "\n";
  }
}

}  // namespace

FleetPair MakeFleetPair(std::string_view a, std::string_view b) {
  const auto [first, second] = std::minmax(a, b);
  return {std::string(first), std::string(second)};
}

FleetFile::~FleetFile() {
  WipeText(text);
}

FleetFiles RenderFleet(const FleetPlan& plan, const FleetSecrets& secrets) {
  FleetFiles out;
  Renderer(plan, secrets, out).Run();
  return out;
}

}  // namespace natkit::mesh
