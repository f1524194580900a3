// A script of prefixes given to three peers and taken away, compared with the
// slowest table that is right by inspection.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>

#include "device/peer_state.h"
#include "natkit/base/bytes.h"
#include "natkit/base/check.h"
#include "routing/allowed_ips.h"

using namespace natkit;
using namespace natkit::wg;

namespace {

using Owners = std::map<IpPrefix, Peer*>;

Peer* FindByForce(const Owners& owners, const IpAddress& ip) {
  Peer* best = nullptr;
  int length = -1;
  for (const auto& [prefix, owner] : owners) {
    if (prefix.Contains(ip) && prefix.length() > length) {
      best = owner;
      length = prefix.length();
    }
  }
  return best;
}

bool ReadAddress(ByteReader& script, bool is_v6, IpAddress& out) {
  ByteView bytes;
  if (!script.ReadView(is_v6 ? 16 : 4, bytes)) {
    return false;
  }
  out = *IpAddress::FromBytes(bytes);
  return true;
}

void RunScript(ByteReader script) {
  std::array<Peer, 3> peers = {Peer{1, {}, {}}, Peer{2, {}, {}},
                               Peer{3, {}, {}}};
  AllowedIps table;
  Owners owners;
  uint8_t op = 0;
  uint8_t length = 0;
  IpAddress ip;
  while (script.ReadU8(op) && script.ReadU8(length) &&
         ReadAddress(script, (op & 1) != 0, ip)) {
    Peer& peer = peers[(op >> 1) % 3];
    const int bits = length % (ip.bit_count() + 1);
    const IpPrefix prefix = IpPrefix::Make(ip, bits).value();
    switch ((op >> 4) % 4) {
      case 0:
        table.RemoveAll(peer);
        std::erase_if(owners,
                      [&](const auto& each) { return each.second == &peer; });
        break;
      case 1:
        table.Remove(prefix, peer);
        if (const auto found = owners.find(prefix);
            found != owners.end() && found->second == &peer) {
          owners.erase(found);
        }
        break;
      default:
        table.Add(prefix, peer);
        owners[prefix] = &peer;
        break;
    }
    NATKIT_CHECK(table.Find(ip) == FindByForce(owners, ip));
    for (const auto& [each, owner] : owners) {
      NATKIT_CHECK(table.Find(each.address()) ==
                   FindByForce(owners, each.address()));
      NATKIT_CHECK(table.PrefixesOf(*owner).contains(each));
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  RunScript(ByteReader({bytes, std::min<size_t>(size, 2048)}));
  return 0;
}
