#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <vector>

#include "device/peer_state.h"
#include "routing/allowed_ips.h"
#include "routing/ip_packet.h"
#include "wg_net.h"

namespace natkit::wg {
namespace {

using testing::MakeIpv4;
using testing::MakeIpv6;

IpPrefix Prefix(std::string_view text) {
  return IpPrefix::Parse(text).value();
}

IpAddress Address(std::string_view text) {
  return IpAddress::Parse(text).value();
}

struct Peers {
  Peer a{1, PublicKey{}, DeviceConfig{}};
  Peer b{2, PublicKey{}, DeviceConfig{}};
  Peer c{3, PublicKey{}, DeviceConfig{}};
};

TEST(AllowedIps, TheLongestPrefixWins) {
  Peers peers;
  AllowedIps table;
  table.Add(Prefix("10.0.0.0/8"), peers.a);
  table.Add(Prefix("10.1.0.0/16"), peers.b);
  table.Add(Prefix("10.1.2.3/32"), peers.c);
  EXPECT_EQ(table.Find(Address("10.1.2.3")), &peers.c);
  EXPECT_EQ(table.Find(Address("10.1.2.4")), &peers.b);
  EXPECT_EQ(table.Find(Address("10.2.0.0")), &peers.a);
  EXPECT_EQ(table.Find(Address("11.0.0.0")), nullptr);
  EXPECT_EQ(table.Find(Address("::10.1.2.3")), nullptr) << "another family";
  table.Add(Prefix("0.0.0.0/0"), peers.b);
  EXPECT_EQ(table.Find(Address("11.0.0.0")), &peers.b);
}

TEST(AllowedIps, APrefixMovesToThePeerThatGetsItLast) {
  Peers peers;
  AllowedIps table;
  table.Add(Prefix("fd00::/64"), peers.a);
  table.Add(Prefix("fd00::/64"), peers.b);
  EXPECT_EQ(table.Find(Address("fd00::9")), &peers.b);
  EXPECT_TRUE(table.PrefixesOf(peers.a).empty());
  table.Add(Prefix("fd00::/64"), peers.b);
  EXPECT_EQ(table.PrefixesOf(peers.b).size(), 1U);
  table.RemoveAll(peers.a);
  EXPECT_EQ(table.Find(Address("fd00::9")), &peers.b);
  table.Remove(Prefix("fd00::/64"), peers.a);
  EXPECT_EQ(table.Find(Address("fd00::9")), &peers.b) << "not a's to remove";
  table.RemoveAll(peers.b);
  EXPECT_EQ(table.Find(Address("fd00::9")), nullptr);
}

IpAddress RandomAddress(Rng& rng, bool is_v6) {
  // Few distinct bits, so that prefixes nest and collide.
  std::array<uint8_t, 16> bytes{};
  for (uint8_t& byte : bytes) {
    byte = static_cast<uint8_t>(rng.Below(4) << (rng.Below(2) * 6));
  }
  return is_v6 ? IpAddress::V6(bytes)
               : IpAddress::V4(bytes[0], bytes[1], bytes[2], bytes[3]);
}

IpPrefix RandomPrefix(Rng& rng) {
  const bool is_v6 = rng.Below(2) != 0;
  const auto length = static_cast<int>(rng.Below(is_v6 ? 129 : 33));
  return IpPrefix::Make(RandomAddress(rng, is_v6), length).value();
}

/// The slowest table that is right by inspection.
class BruteForce {
 public:
  std::map<IpPrefix, Peer*> owners;

  [[nodiscard]] Peer* Find(const IpAddress& ip) const {
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
};

TEST(AllowedIps, AgreesWithBruteForceOnRandomPrefixes) {
  Peers peers;
  Peer* const all[] = {&peers.a, &peers.b, &peers.c};
  SeededRng rng(11);
  AllowedIps table;
  BruteForce reference;
  for (int i = 0; i < 2'000; ++i) {
    Peer& peer = *all[rng.Below(3)];
    const IpPrefix prefix = RandomPrefix(rng);
    const uint64_t what = rng.Below(300);
    if (what == 0) {
      table.RemoveAll(peer);
      std::erase_if(reference.owners,
                    [&](const auto& entry) { return entry.second == &peer; });
    } else if (what < 60) {
      table.Remove(prefix, peer);
      const auto found = reference.owners.find(prefix);
      if (found != reference.owners.end() && found->second == &peer) {
        reference.owners.erase(found);
      }
    } else {
      table.Add(prefix, peer);
      reference.owners[prefix] = &peer;
    }
    for (int probe = 0; probe < 4; ++probe) {
      const IpAddress ip = RandomAddress(rng, probe % 2 != 0);
      ASSERT_EQ(table.Find(ip), reference.Find(ip)) << ip.ToString();
    }
  }
}

TEST(IpPacket, ReadsAddressesAndTotalSizeOfBothFamilies) {
  const auto a4 = Address("10.0.0.1");
  const auto b4 = Address("10.0.0.2");
  std::vector<uint8_t> packet = MakeIpv4(a4, b4, 21);
  packet.resize(32);  // padding
  auto header = ParseIpHeader(packet);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->source, a4);
  EXPECT_EQ(header->destination, b4);
  EXPECT_EQ(header->total_size, 21U);

  const auto a6 = Address("fd00::1");
  const auto b6 = Address("fd00::2");
  packet = MakeIpv6(a6, b6, 40);
  header = ParseIpHeader(packet);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->source, a6);
  EXPECT_EQ(header->destination, b6);
  EXPECT_EQ(header->total_size, 40U);
}

TEST(IpPacket, RefusesWhatDoesNotHoldWhatItSays) {
  const auto ip = Address("10.0.0.1");
  std::vector<uint8_t> packet = MakeIpv4(ip, ip, 30);
  for (size_t size = 0; size < packet.size(); ++size) {
    EXPECT_EQ(ParseIpHeader(ByteView(packet).first(size)).error().code,
              Errc::kTruncated);
  }
  packet[3] = 19;
  EXPECT_EQ(ParseIpHeader(packet).error().code, Errc::kBadLength);
  packet[0] = 0x55;
  EXPECT_EQ(ParseIpHeader(packet).error().code, Errc::kBadValue);
  const std::vector<uint8_t> six = MakeIpv6(Address("::1"), Address("::1"), 50);
  for (size_t size = 0; size < six.size(); ++size) {
    EXPECT_EQ(ParseIpHeader(ByteView(six).first(size)).error().code,
              Errc::kTruncated);
  }
}

}  // namespace
}  // namespace natkit::wg
