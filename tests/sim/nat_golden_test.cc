// The golden table (nat.md section 18): every profile, seen from outside, is
// what it says, over twenty seeds, without loss and with 5 % of it.

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "nat_observer.h"
#include "natkit/netsim/profile.h"

namespace natkit::netsim {
namespace {

constexpr uint64_t kSeeds = 20;

/// Whether a direct path to a peer behind another NAT is found without
/// prediction and birthday probing.
enum class Direct : uint8_t { kYes, kNo };

/// One row of the table.
struct Row {
  std::string_view name;
  std::string_view profile;
  NatVerdict expected;
  Direct with_port_restricted;
  Direct with_symmetric;
  int port_step = 1;
};

NatVerdict Verdict(std::string mapping, std::string filtering,
                   std::string classic, std::string allocation,
                   std::string lifetimes, std::string hairpin) {
  NatVerdict verdict;
  verdict.mapping = std::move(mapping);
  verdict.filtering = std::move(filtering);
  verdict.classic = std::move(classic);
  verdict.allocation = std::move(allocation);
  verdict.lifetimes = std::move(lifetimes);
  verdict.hairpin = std::move(hairpin);
  verdict.external_addresses = 1;
  return verdict;
}

NatVerdict Overloading(NatVerdict verdict) {
  verdict.is_overloading = true;
  return verdict;
}

NatVerdict Poisonable(NatVerdict verdict) {
  verdict.is_poisonable = true;
  return verdict;
}

NatVerdict Pooled(NatVerdict verdict, size_t addresses) {
  verdict.external_addresses = addresses;
  return verdict;
}

NatVerdict Blocked() {
  NatVerdict verdict = Verdict("-", "-", "blocked", "-", "-", "-");
  verdict.external_addresses = 0;
  return verdict;
}

std::vector<Row> Table() {
  constexpr auto kYes = Direct::kYes;
  constexpr auto kNo = Direct::kNo;
  const NatVerdict linux_router = Overloading(
      Verdict("EI", "APD", "port restricted", "preserve", "30/120", "none"));
  return {
      {"open", "open",
       Pooled(Verdict("none", "EI", "open", "preserve", "inf/inf", "n/a"), 1),
       kYes, kYes},
      {"firewall-only", "firewall-only",
       Verdict("none", "APD", "symmetric firewall", "preserve", "30/120",
               "n/a"),
       kYes, kNo},
      {"full-cone", "full-cone",
       Verdict("EI", "EI", "full cone", "preserve", "300/300", "ext"), kYes,
       kYes},
      {"addr-restricted", "addr-restricted",
       Verdict("EI", "AD", "restricted", "preserve", "300/300", "ext"), kYes,
       kYes},
      {"port-restricted", "port-restricted",
       Verdict("EI", "APD", "port restricted", "preserve", "120/120", "none"),
       kYes, kNo},
      {"linux-clean", "linux-clean", linux_router, kYes, kNo},
      {"linux-poisonable", "linux-poisonable", Poisonable(linux_router), kYes,
       kNo},
      {"symmetric-addr", "symmetric-addr",
       Verdict("AD", "AD", "symmetric", "random", "60/60", "none"), kNo, kNo},
      {"symmetric-seq, 1", "symmetric-seq",
       Verdict("APD", "APD", "symmetric", "sequential 1", "60/60", "none"), kNo,
       kNo, 1},
      {"symmetric-seq, 2", "symmetric-seq",
       Verdict("APD", "APD", "symmetric", "sequential 2", "60/60", "none"), kNo,
       kNo, 2},
      {"symmetric-seq, -1", "symmetric-seq",
       Verdict("APD", "APD", "symmetric", "sequential -1", "60/60", "none"),
       kNo, kNo, -1},
      {"symmetric-random", "symmetric-random",
       Verdict("APD", "APD", "symmetric", "random", "60/120", "none"), kNo,
       kNo},
      {"bsd-pf", "bsd-pf",
       Verdict("APD", "APD", "symmetric", "random 50001-65535", "60/60",
               "none"),
       kNo, kNo},
      {"cgn-rfc6888", "cgn-rfc6888",
       Verdict("EI", "EI", "full cone", "block", "300/300", "ext"), kYes, kYes},
      {"cgn-cellular", "cgn-cellular",
       Pooled(Verdict("APD", "APD", "symmetric", "block", "30/60", "none"), 4),
       kNo, kNo},
      {"home + cgn-rfc6888", "home-over-cgn",
       Verdict("EI", "APD", "port restricted", "block", "120/120", "ext"), kYes,
       kNo},
      {"home + cgn-cellular", "home-over-cellular",
       Pooled(Verdict("APD", "APD", "symmetric", "block", "30/60", "none"), 4),
       kNo, kNo},
      {"nat64", "nat64",
       Verdict("EI", "AD", "restricted", "preserve", "300/300", "ext"), kYes,
       kYes},
      {"udp-blocked", "udp-blocked", Blocked(), kNo, kNo},
      {"dns-only", "dns-only", Blocked(), kNo, kNo},
      {"hotel", "hotel", Blocked(), kNo, kNo},
      {"one-to-one", "one-to-one",
       Verdict("EI", "EI", "full cone", "preserve", "inf/inf", "ext"), kYes,
       kYes},
  };
}

ObservedNat NatOf(const Row& row) {
  const ProfileInfo* profile = FindProfile(row.profile);
  ObservedNat nat{.home = profile->make(), .carrier = {}};
  nat.home.port_step = row.port_step;
  if (!profile->carrier.empty()) {
    nat.carrier = FindProfile(profile->carrier)->make();
  }
  return nat;
}

std::string Describe(const NatVerdict& verdict) {
  return verdict.mapping + "/" + verdict.filtering + ", " + verdict.classic +
         ", " + verdict.allocation + ", overload " +
         (verdict.is_overloading ? "yes" : "no") + ", poisonable " +
         (verdict.is_poisonable ? "yes" : "no") + ", lifetimes " +
         verdict.lifetimes + ", hairpin " + verdict.hairpin + ", " +
         std::to_string(verdict.external_addresses) + " addresses";
}

class GoldenTable : public testing::TestWithParam<std::tuple<size_t, double>> {
 protected:
  const Row row_ = Table().at(std::get<0>(GetParam()));
  const double loss_ = std::get<1>(GetParam());
};

TEST_P(GoldenTable, TheProfileIsSeenAsWhatItIs) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const NatVerdict found = NatObserver(NatOf(row_), seed, loss_).Observe();
    EXPECT_TRUE(found == row_.expected)
        << row_.name << ", seed " << seed << ", loss " << loss_
        << "\n  expected: " << Describe(row_.expected)
        << "\n  found:    " << Describe(found);
  }
}

TEST_P(GoldenTable, DirectPathsAreFoundExactlyWhereTheTableSaysSo) {
  const NatConfig port_restricted = FindProfile("port-restricted")->make();
  const NatConfig symmetric = FindProfile("symmetric")->make();
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    EXPECT_EQ(NatObserver(NatOf(row_), seed, loss_).Punches(port_restricted),
              row_.with_port_restricted == Direct::kYes)
        << row_.name << " with EI/APD, seed " << seed << ", loss " << loss_;
    EXPECT_EQ(NatObserver(NatOf(row_), seed, loss_).Punches(symmetric),
              row_.with_symmetric == Direct::kYes)
        << row_.name << " with APD/APD, seed " << seed << ", loss " << loss_;
  }
}

std::string NameOf(
    const testing::TestParamInfo<std::tuple<size_t, double>>& info) {
  std::string name(Table().at(std::get<0>(info.param)).name);
  for (char& c : name) {
    c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  }
  return name + "_row" + std::to_string(std::get<0>(info.param)) +
         (std::get<1>(info.param) > 0 ? "_lossy" : "_lossless");
}

INSTANTIATE_TEST_SUITE_P(Profiles, GoldenTable,
                         testing::Combine(testing::Range(size_t{0},
                                                         Table().size()),
                                          testing::Values(0.0, 0.05)),
                         NameOf);

TEST(GoldenTableOfTcp, WhereUdpIsBlockedTlsPorts) {
  const auto passes = [](std::string_view profile, uint16_t port) {
    const ObservedNat nat{.home = FindProfile(profile)->make(), .carrier = {}};
    return NatObserver(nat, 1, 0).PassesTcp(port);
  };
  for (const std::string_view profile :
       {"udp-blocked", "dns-only", "hotel", "corporate-firewall"}) {
    EXPECT_TRUE(passes(profile, 443)) << profile;
  }
  EXPECT_FALSE(passes("corporate-firewall", 80));
  EXPECT_FALSE(passes("hotel", 8443));
  EXPECT_TRUE(passes("udp-blocked", 8443));
}

}  // namespace
}  // namespace natkit::netsim
