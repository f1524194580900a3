#include "natkit/base/prefix_trie.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "natkit/base/rng.h"

namespace natkit {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

IpPrefix Prefix(std::string_view text) {
  return IpPrefix::Parse(text).value();
}

BitKey Key(std::string_view text) {
  return BitKey::Of(IpAddress::Parse(text).value());
}

void Put(PrefixTrie<int>& trie, std::string_view prefix, int& value) {
  trie.Insert(BitKey::Of(Prefix(prefix).address()), Prefix(prefix).length(),
              &value);
}

std::vector<int> ValuesAt(const PrefixTrie<int>& trie, const BitKey& key) {
  std::vector<int> values;
  trie.ForEach(key, [&values](int value) { values.push_back(value); });
  return values;
}

TEST(PrefixTrie, VisitsEveryPrefixThatHoldsTheKeyShortestFirst) {
  PrefixTrie<int> trie;
  int all = 0;
  int eight = 8;
  int sixteen = 16;
  int host = 32;
  int other = 99;
  Put(trie, "10.1.0.0/16", sixteen);
  Put(trie, "10.1.2.3/32", host);
  Put(trie, "0.0.0.0/0", all);
  Put(trie, "10.2.0.0/16", other);
  Put(trie, "10.0.0.0/8", eight);
  EXPECT_THAT(ValuesAt(trie, Key("10.1.2.3")), ElementsAre(0, 8, 16, 32));
  EXPECT_THAT(ValuesAt(trie, Key("10.1.2.4")), ElementsAre(0, 8, 16));
  EXPECT_THAT(ValuesAt(trie, Key("192.0.2.1")), ElementsAre(0));
  EXPECT_EQ(trie.Find(Key("10.1.2.3")), &host);
}

TEST(PrefixTrie, EmptyOneVisitsNothing) {
  const PrefixTrie<int> trie;
  EXPECT_THAT(ValuesAt(trie, Key("2001:db8::1")), IsEmpty());
  EXPECT_EQ(trie.Find(Key("2001:db8::1")), nullptr);
}

TEST(PrefixTrie, AgreesWithAListOfPrefixes) {
  SeededRng rng(7);
  PrefixTrie<int> trie;
  std::map<IpPrefix, int> list;
  for (int i = 0; i < 4000; ++i) {
    const auto byte = [&rng] { return static_cast<uint8_t>(rng.Below(4)); };
    const auto ip = IpAddress::V4(10, byte(), byte(), byte());
    const auto prefix =
        IpPrefix::Make(ip, static_cast<int>(rng.Below(33))).value();
    const BitKey key = BitKey::Of(prefix.address());
    if (rng.Below(3) == 0) {
      EXPECT_EQ(trie.Remove(key, prefix.length()), list.erase(prefix) == 1);
    } else {
      const auto [it, added] = list.emplace(prefix, prefix.length());
      trie.Insert(key, prefix.length(), &it->second);
    }
    std::vector<int> expected;
    for (const auto& [stored, length] : list) {
      if (stored.Contains(ip)) {
        expected.push_back(length);
      }
    }
    std::ranges::sort(expected);
    ASSERT_EQ(ValuesAt(trie, BitKey::Of(ip)), expected);
  }
}

}  // namespace
}  // namespace natkit
