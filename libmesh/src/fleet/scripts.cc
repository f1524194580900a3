#include "fleet/scripts.h"

#include <string_view>
#include <utility>
#include <vector>

namespace natkit::mesh {

namespace {

// Every value that goes into a script is made of letters, digits and a few
// other characters that mean nothing to a shell: the parser of the mesh file
// sees to that.

constexpr std::string_view kApply = R"sh(#!/bin/sh
# Brings @INTERFACE@ of node "@NODE@" to what @INTERFACE@.conf says, without
# interrupting its tunnels. New addresses, a new MTU and prefixes that went away
# take `wg-quick down` and `wg-quick up` instead.
set -eu
umask 077
conf=$(dirname -- "$0")/@INTERFACE@.conf
@CHECK@if ! wg show @INTERFACE@ > /dev/null 2>&1; then
  exec wg-quick up "$conf"
fi
# syncconf would keep a preshared key that the file does not have; of two, the
# later one counts.
none=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
sync=$(mktemp)
trap 'rm -f -- "$sync"' EXIT
{
@KEY@  wg-quick strip "$conf" | awk -v none="$none" \
    '{ print } $0 == "[Peer]" { print "PresharedKey = " none }'
} > "$sync"
wg syncconf @INTERFACE@ "$sync"
wg show @INTERFACE@ allowed-ips | cut -f 2 | tr ' ' '\n' | while read -r prefix; do
  case $prefix in
    */0) ;;
    */*) ip route replace "$prefix" dev @INTERFACE@ ;;
  esac
done
)sh";

// syncconf takes the private key away where the configuration has none, and
// with it every session.
constexpr std::string_view kKeyLines =
    R"sh(  printf '[Interface]\nPrivateKey = %s\n' "$(cat "$key")"
)sh";

constexpr std::string_view kCheckKey = R"sh(key=@KEYFILE@
if [ "$(wg pubkey < "$key")" != "@PUBLIC@" ]; then
  echo "$key is not the private key of @NODE@'s public key" >&2
  exit 1
fi
)sh";

constexpr std::string_view kMove = R"sh(#!/bin/sh
# Gives the prefixes of node "@PEER@" to its next key as soon as that has shaken
# hands. Start it on "@NODE@" before "@PEER@" switches to the key.
set -eu
next=@PUBLIC@
until wg show @INTERFACE@ latest-handshakes |
    awk -v key="$next" '$1 == key && $2 > 0 { found = 1 } END { exit !found }'
do
  sleep 0.1
done
wg set @INTERFACE@ peer "$next" allowed-ips @PREFIXES@
)sh";

using Values = std::vector<std::pair<std::string_view, std::string>>;

/// Replaces each @NAME@ by its value, values of earlier ones included.
std::string Fill(std::string_view text, const Values& values) {
  std::string out(text);
  for (const auto& [name, value] : values) {
    for (size_t at = out.find(name); at != std::string::npos;
         at = out.find(name, at + value.size())) {
      out.replace(at, name.size(), value);
    }
  }
  return out;
}

}  // namespace

std::string KeyFile(const FleetPlan& plan, const FleetNode& node) {
  return plan.key_dir + "/" + node.key_name + ".key";
}

std::string ApplyScript(const FleetPlan& plan, const FleetNode& node,
                        bool has_private_key) {
  return Fill(kApply,
              {{"@CHECK@", std::string(has_private_key ? "" : kCheckKey)},
               {"@KEY@", std::string(has_private_key ? "" : kKeyLines)},
               {"@KEYFILE@", KeyFile(plan, node)},
               {"@PUBLIC@", node.public_key.ToBase64()},
               {"@NODE@", node.name},
               {"@INTERFACE@", plan.interface}});
}

std::string MoveScript(const FleetPlan& plan, const FleetNode& node,
                       const FleetPeer& next) {
  std::string prefixes;
  for (const FleetPeer& peer : node.peers) {
    if (peer.name != next.name) {
      continue;
    }
    for (const IpPrefix& prefix : peer.allowed_ips) {
      prefixes += (prefixes.empty() ? "" : ",") + prefix.ToString();
    }
  }
  return Fill(kMove, {{"@PUBLIC@", next.public_key.ToBase64()},
                      {"@PREFIXES@", prefixes},
                      {"@PEER@", next.name},
                      {"@NODE@", node.name},
                      {"@INTERFACE@", plan.interface}});
}

}  // namespace natkit::mesh
