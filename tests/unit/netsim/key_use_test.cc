// Keys that a box cannot use, and values that contradict each other, are
// mistakes; a key that switches off what is not there is none.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "natkit/netsim/scenario.h"

namespace natkit::netsim {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kBeforeBox = R"([[network]]
name = "internet"
cidr = "203.0.113.0/24"
cidr6 = "2001:db8:1::/64"
[[network]]
name = "lan"
cidr = "192.168.1.0/24"
cidr6 = "fd00:1::/64"
[[host]]
name = "laptop"
network = "lan"
address = "192.168.1.10"
address6 = "fd00:1::10"
[[nat]]
name = "box"
inside = "lan"
outside = "internet"
address = "203.0.113.20"
)";

/// The problems of a box with these keys; the profile is in line 19, the first
/// key in line 20.
std::vector<std::string> ProblemsOf(std::string_view profile,
                                    std::string_view keys) {
  const std::string text = std::string(kBeforeBox) + "profile = \"" +
                           std::string(profile) + "\"\n" + std::string(keys);
  const auto scenario = ParseScenario(text);
  std::vector<std::string> found;
  if (!scenario) {
    for (const Problem& problem : scenario.error()) {
      found.push_back(std::to_string(problem.line) + ": " + problem.text);
    }
  } else {
    EXPECT_EQ(ParseScenario(FormatScenario(*scenario)), scenario) << text;
  }
  return found;
}

TEST(KeyUse, EveryProfileIsFineWithoutKeys) {
  for (const ProfileInfo& profile : Profiles()) {
    EXPECT_THAT(ProblemsOf(profile.name, ""), IsEmpty()) << profile.name;
  }
}

TEST(KeyUse, BoxesWithoutMappingsHaveNoKeysAboutThem) {
  for (const char* profile : {"open", "firewall-only", "one-to-one"}) {
    for (const char* key :
         {"mapping = \"APD\"", "port_assignment = \"random\"",
          "port_range = \"2000-3000\"", "keep_parity = true",
          "keep_contiguity = true", "other_protocols = \"translate-address\"",
          "keep_port_class = true", "pooling = \"arbitrary\"",
          "port_quarantine = 5", "shed_above = 7", "poisonable = true",
          "port_step = 4", "foreign_rate = 3", "block_size = 512",
          "blocks_per_host = 2"}) {
      EXPECT_THAT(ProblemsOf(profile, key),
                  ElementsAre(HasSubstr("20: nat 'box': ")))
          << profile << ' ' << key;
    }
  }
}

TEST(KeyUse, BoxesThatDoNotTranslateHaveNoHairpinsNorExemptions) {
  for (const char* profile : {"open", "firewall-only"}) {
    EXPECT_THAT(
        ProblemsOf(profile, "hairpinning = \"external-source\""),
        ElementsAre(HasSubstr("20: nat 'box': 'hairpinning' is about")));
    EXPECT_THAT(ProblemsOf(profile, "exempt = \"10.0.0.0/8\""),
                ElementsAre(HasSubstr("20: nat 'box': 'exempt' is about")));
  }
  EXPECT_THAT(ProblemsOf("nat64", "exempt = \"10.0.0.0/8\""),
              ElementsAre(HasSubstr("'exempt' is about IPv4")));
  // Basic NAT has both: the engine does as they say.
  EXPECT_THAT(ProblemsOf("one-to-one",
                         "hairpinning = \"internal-source\"\n"
                         "exempt = \"10.0.0.0/8\""),
              IsEmpty());
}

TEST(KeyUse, BoxesWithoutStateHaveNoLimitsNorServices) {
  for (const char* profile : {"open", "one-to-one"}) {
    for (const char* key :
         {"max_mappings = 10", "mappings_per_host = 10", "max_sessions = 5",
          "new_mappings_per_second = 3", "when_full = \"icmp\"",
          "tcp_pickup = true", "services = \"pcp\""}) {
      EXPECT_THAT(ProblemsOf(profile, key),
                  ElementsAre(HasSubstr("20: nat 'box': '")))
          << profile << ' ' << key;
    }
  }
  // A firewall has state, and PCP opens pinholes in it (RFC 6887).
  EXPECT_THAT(
      ProblemsOf("firewall-only", "udp_timeout = 30\nservices = \"pcp\""),
      IsEmpty());
  EXPECT_THAT(ProblemsOf("open", "filtering = \"AD\"\nmax_mappings = 30"),
              IsEmpty());
}

TEST(KeyUse, SwitchingOffWhatIsNotThereIsNoMistake) {
  EXPECT_THAT(ProblemsOf("open",
                         "poisonable = false\nhairpinning = \"none\"\n"
                         "keep_parity = false\nshed_above = 0\n"
                         "mappings_per_host = 0\nport_quarantine = \"0s\"\n"
                         "foreign_rate = 0\naddress_lifetime = \"0s\"\n"
                         "tcp_pickup = false"),
              IsEmpty());
}

TEST(KeyUse, LifetimesAreForBoxesOfAllKinds) {
  // Whoever compares profiles gives all of them the same.
  for (const ProfileInfo& profile : Profiles()) {
    EXPECT_THAT(ProblemsOf(profile.name,
                           "udp_timeout = 3\nudp_stream_timeout = 7\n"
                           "icmp_timeout = 3\ntcp_opening_timeout = 5\n"
                           "tcp_established_timeout = 7\n"
                           "tcp_closing_timeout = 3\nrefresh = \"both\"\n"),
                IsEmpty())
        << profile.name;
  }
}

TEST(KeyUse, PortAssignmentsHaveKeysOfTheirOwn) {
  EXPECT_THAT(
      ProblemsOf("port-restricted",
                 "port_assignment = \"random\"\nport_step = 5"),
      ElementsAre("21: nat 'box': 'port_step' is for sequential ports: remove "
                  "it, or set port_assignment = \"sequential\""));
  EXPECT_THAT(ProblemsOf("port-restricted", "foreign_rate = 5"),
              ElementsAre(HasSubstr("20: nat 'box': 'foreign_rate' is for")));
  EXPECT_THAT(ProblemsOf("port-restricted", "block_size = 64"),
              ElementsAre(HasSubstr("20: nat 'box': 'block_size' is for")));
  EXPECT_THAT(ProblemsOf("cgn-deterministic", "blocks_per_host = 4"),
              ElementsAre(HasSubstr("'blocks_per_host' is for dynamic")));
  EXPECT_THAT(ProblemsOf("symmetric-seq", "port_step = 2\nforeign_rate = 5"),
              IsEmpty());
}

TEST(KeyUse, LateErrorsAreForBoxesThatKeepSilentFirst) {
  EXPECT_THAT(ProblemsOf("full-cone", "syn_error_delay = \"6s\"\n"), IsEmpty());
  EXPECT_THAT(
      ProblemsOf("full-cone",
                 "syn_error_delay = \"6s\"\nunsolicited = \"reject\"\n"),
      ElementsAre(AllOf(HasSubstr("20: "), HasSubstr("silent"))));
  EXPECT_THAT(ProblemsOf("open", "syn_error_delay = \"6s\"\n"),
              ElementsAre(HasSubstr("syn_error_delay")));
}

TEST(KeyUse, AQuotaAboveTheTableIsAMistake) {
  EXPECT_THAT(
      ProblemsOf("port-restricted", "shed_above = 100\nmax_mappings = 10"),
      ElementsAre(HasSubstr("20: nat 'box': 'shed_above' is above max_mapp")));
  EXPECT_THAT(
      ProblemsOf("port-restricted",
                 "max_mappings = 10\nmappings_per_host = 11"),
      ElementsAre(HasSubstr("21: nat 'box': 'mappings_per_host' is above")));
  // The profile's own quota gives way silently, and equal ones are common.
  EXPECT_THAT(ProblemsOf("cgn-random", "max_mappings = 10"), IsEmpty());
  EXPECT_THAT(ProblemsOf("port-restricted",
                         "max_mappings = 10\nmappings_per_host = 10"),
              IsEmpty());
}

TEST(KeyUse, Ipv6KeysNeedTheirModes) {
  EXPECT_THAT(
      ProblemsOf("port-restricted", "inside_address6 = \"fd00:1::2\""),
      ElementsAre(HasSubstr("20: nat 'box': 'inside_address6' is for")));
  EXPECT_THAT(
      ProblemsOf("port-restricted", "outside_address6 = \"2001:db8:1::2\""),
      ElementsAre(HasSubstr("20: nat 'box': 'outside_address6' is for")));
  EXPECT_THAT(
      ProblemsOf("port-restricted", "outside_prefix6 = \"2001:db8:9::/64\""),
      ElementsAre(HasSubstr("20: nat 'box': 'outside_prefix6' is for")));
  EXPECT_THAT(ProblemsOf("port-restricted", "nat64_prefix = \"64:ff9b::/64\""),
              ElementsAre(HasSubstr("20: nat 'box': 'nat64_prefix' is for")));
  EXPECT_THAT(
      ProblemsOf("port-restricted",
                 "ipv6 = \"firewall\"\n"
                 "outside_address6 = \"2001:db8:1::2\"\n"
                 "inside_address6 = \"fd00:1::10\""),
      ElementsAre(HasSubstr("22: fd00:1::10 of 'box' already belongs to "
                            "'laptop'")));
  EXPECT_THAT(ProblemsOf("nat64", "inside_address6 = \"fd00:1::2\""),
              IsEmpty());
}

TEST(KeyUse, PrefixesThatStandForOthersAreNobodysOwn) {
  EXPECT_THAT(ProblemsOf("nat64", "nat64_prefix = \"fd00:1::/96\""),
              ElementsAre(HasSubstr("20: nat 'box': nat64_prefix fd00:1::/96 "
                                    "overlaps fd00:1::/64 of 'lan'")));
  const std::string nptv6 =
      "ipv6 = \"nptv6\"\noutside_address6 = \"2001:db8:1::2\"\n";
  EXPECT_THAT(
      ProblemsOf("port-restricted",
                 nptv6 + "outside_prefix6 = \"2001:db8:1::/64\""),
      ElementsAre(HasSubstr("22: nat 'box': outside_prefix6 2001:db8:1::/64 "
                            "overlaps 2001:db8:1::/64 of 'internet'")));
  EXPECT_THAT(ProblemsOf("port-restricted",
                         nptv6 + "outside_prefix6 = \"2001:db8:2::/64\""),
              IsEmpty());
}

TEST(KeyUse, ExemptionsAreSomeIpv4Ranges) {
  EXPECT_THAT(ProblemsOf("symmetric", "exempt = [\"2001:db8::/32\"]"),
              ElementsAre(HasSubstr("20: nat 'box': 'exempt' is about IPv4")));
  EXPECT_THAT(ProblemsOf("symmetric", "exempt = [\"0.0.0.0/0\"]"),
              ElementsAre(HasSubstr("20: nat 'box': 'exempt' spares every")));
}

TEST(KeyUse, ServicesAreNamedOnceAndLeaseForSomeTime) {
  EXPECT_THAT(ProblemsOf("port-restricted", "services = [\"pcp\", \"pcp\"]"),
              ElementsAre("20: [[nat]]: 'services' has 'pcp' twice"));
  EXPECT_THAT(ProblemsOf("port-restricted",
                         "services = \"pcp\"\nservice_max_lifetime = 0"),
              ElementsAre(HasSubstr("21: nat 'box': 'service_max_lifetime' "
                                    "must not be 0")));
  EXPECT_THAT(ProblemsOf("port-restricted", "service_max_per_host = 4"),
              ElementsAre(HasSubstr("this box has none")));
}

TEST(KeyUse, ABoxWithOneAddressDoesNotMove) {
  EXPECT_THAT(
      ProblemsOf("port-restricted", "address_lifetime = \"10m\""),
      ElementsAre(HasSubstr("20: nat 'box': 'address_lifetime' moves")));
}

TEST(KeyUse, ParametersOfACompositeAreTheCarriers) {
  EXPECT_THAT(ProblemsOf("home-over-cgn", "block_size = 512"), IsEmpty());
  EXPECT_THAT(ProblemsOf("home-over-cgn", "port_step = 5"),
              ElementsAre(HasSubstr("20: nat 'box-carrier': 'port_step' is")));
}

TEST(KeyUse, ForwardsGoToSomebody) {
  const auto forward = [](std::string_view to) {
    return ProblemsOf("port-restricted",
                      "[[forward]]\nnat = \"box\"\nprotocol = \"tcp\"\n"
                      "port = 80\nto = \"" +
                          std::string(to) + ":80\"");
  };
  EXPECT_THAT(forward("192.168.1.99"),
              ElementsAre(AllOf(HasSubstr("24: nat 'box': the forward of port "
                                          "80 goes to 192.168.1.99, which no"),
                                HasSubstr("add the [[host]]"))));
  EXPECT_THAT(forward("192.168.1.10"), IsEmpty());
}

TEST(KeyUse, ForwardsOfACarrierGoToBoxes) {
  EXPECT_THAT(
      ProblemsOf("cgn",
                 "[[forward]]\nnat = \"box-carrier\"\n"
                 "protocol = \"tcp\"\nport = 80\nto = \"100.64.0.2:80\""),
      IsEmpty());
}

TEST(KeyUse, ALinkSetsSomething) {
  const auto link = [](std::string_view keys) {
    return ProblemsOf("port-restricted",
                      "[[link]]\nmember = \"laptop\"\n" + std::string(keys));
  };
  EXPECT_THAT(link("direction = \"up\""),
              ElementsAre(HasSubstr("21: [[link]]: sets nothing: say e.g. "
                                    "delay = \"20ms\"")));
  EXPECT_THAT(link("delay = 0"), IsEmpty()) << "for events";
}

TEST(KeyUse, NetworksAreOfAddressesThatHostsCanHave) {
  for (const char* cidr :
       {"0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "169.254.7.0/24",
        "224.0.0.0/8", "240.0.0.0/8", "fe80::/64", "ff00::/16", "::/120"}) {
    EXPECT_THAT(ProblemsOf("open", "[[network]]\nname = \"x\"\ncidr = \"" +
                                       std::string(cidr) + "\""),
                ElementsAre(HasSubstr("22: cidr of 'x' is of addresses")))
        << cidr;
  }
  EXPECT_THAT(ProblemsOf("open",
                         "[[network]]\nname = \"x\"\n"
                         "cidr = \"10.0.0.0/8\"\ncidr6 = \"fe80::/64\""),
              ElementsAre(HasSubstr("23: cidr6 of 'x' is of addresses")));
  EXPECT_THAT(ProblemsOf("cgn", "carrier_cidr = \"169.254.0.0/16\""),
              ElementsAre(HasSubstr("20: cidr of 'box-access' is of")));
}

TEST(KeyUse, TheScenariosOfThisProjectAreFine) {
  for (const char* name : {"compare", "demo", "field-report", "vpn"}) {
    std::ifstream file(NATKIT_SOURCE_DIR "/netsim/scenarios/" +
                       std::string(name) + ".toml");
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const auto scenario = ParseScenario(text);
    EXPECT_TRUE(scenario) << name << ": " << scenario.error().front().text;
  }
}

}  // namespace
}  // namespace natkit::netsim
