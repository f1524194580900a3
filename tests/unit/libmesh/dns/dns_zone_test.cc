// What the server answers itself.

#include <gtest/gtest.h>

#include <string>

#include "dns_world.h"

namespace natkit::dns {
namespace {

std::vector<std::string> Addresses(const Message& message) {
  std::vector<std::string> out;
  for (const Record& record : message.answers) {
    if (const auto* address = std::get_if<IpAddress>(&record.data)) {
      out.push_back(address->ToString());
    }
  }
  return out;
}

void ExpectNegative(const Message& reply, Rcode rcode, const char* zone) {
  EXPECT_EQ(reply.rcode(), rcode);
  EXPECT_TRUE(reply.header.is_authoritative);
  EXPECT_TRUE(reply.answers.empty());
  ASSERT_EQ(reply.authorities.size(), 1U);
  EXPECT_EQ(reply.authorities[0].name, N(zone));
  EXPECT_EQ(reply.authorities[0].ttl, 10U);
  EXPECT_EQ(std::get<Soa>(reply.authorities[0].data).minimum, 10U);
}

TEST(DnsZone, AnswersFullNamesAndSingleLabelsOfHosts) {
  DnsWorld world;
  for (const char* name : {"web.corp.mesh", "web", "WEB.Corp.MESH"}) {
    const Message reply = world.Ask(name);
    EXPECT_EQ(reply.rcode(), Rcode::kNoError);
    EXPECT_TRUE(reply.header.is_authoritative);
    EXPECT_TRUE(reply.header.is_response);
    EXPECT_EQ(reply.header.id, 77);
    EXPECT_EQ(Addresses(reply), std::vector<std::string>{"100.64.0.7"});
    EXPECT_TRUE(reply.question.name.IsSpelledLike(N(name)));
    EXPECT_TRUE(reply.answers[0].name.IsSpelledLike(N(name)));
  }
  EXPECT_EQ(Addresses(world.Ask("web", RecordType::kAaaa)),
            std::vector<std::string>{"fd00::7"});
  EXPECT_EQ(Addresses(world.Ask("web.corp.mesh", RecordType::kAny)).size(), 2U);
  EXPECT_TRUE(world.asked.empty());
}

TEST(DnsZone, NegativeAnswersCarryTheSoa) {
  DnsWorld world;
  ExpectNegative(world.Ask("nobody.corp.mesh"), Rcode::kNxDomain, "corp.mesh");
  ExpectNegative(world.Ask("x.web.corp.mesh"), Rcode::kNxDomain, "corp.mesh");
  ExpectNegative(world.Ask("db.eu.corp.mesh", RecordType::kAaaa),
                 Rcode::kNoError, "corp.mesh");
  ExpectNegative(world.Ask("corp.mesh"), Rcode::kNoError, "corp.mesh");
  ExpectNegative(world.Ask("web", static_cast<RecordType>(65)), Rcode::kNoError,
                 "web");
}

TEST(DnsZone, ANameWithOthersBelowItExists) {
  DnsWorld world;
  ExpectNegative(world.Ask("eu.corp.mesh"), Rcode::kNoError, "corp.mesh");
  EXPECT_TRUE(world.server.RemoveHost("db.eu"));
  ExpectNegative(world.Ask("eu.corp.mesh"), Rcode::kNxDomain, "corp.mesh");
}

TEST(DnsZone, TheApexHasItsSoa) {
  DnsWorld world;
  const Message reply = world.Ask("corp.mesh", RecordType::kSoa);
  ASSERT_EQ(reply.answers.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<Soa>(reply.answers[0].data));
  EXPECT_TRUE(reply.authorities.empty());
}

TEST(DnsZone, ReverseNamesOfHostsAreAnsweredAndOthersForwarded) {
  DnsWorld world;
  const Message reply = world.Ask("7.0.64.100.in-addr.arpa", RecordType::kPtr);
  ASSERT_EQ(reply.answers.size(), 1U);
  EXPECT_EQ(std::get<Name>(reply.answers[0].data), N("web.corp.mesh"));
  EXPECT_EQ(
      world.Ask(Name::Reverse(A("fd00::7").bytes()).ToText(), RecordType::kPtr)
          .answers.size(),
      1U);
  ExpectNegative(world.Ask("7.0.64.100.in-addr.arpa"), Rcode::kNoError,
                 "7.0.64.100.in-addr.arpa");
  EXPECT_TRUE(world.asked.empty());
  world.Send(DnsWorld::Query("9.0.64.100.in-addr.arpa", RecordType::kPtr));
  EXPECT_EQ(world.TakeAsked().to, kFirst);
}

TEST(DnsZone, AHostNamedLikeATopLevelDomainHidesNoDelegation) {
  DnsWorld world;
  EXPECT_TRUE(
      world.server.SetHost({.name = "dev", .addresses = {A("100.64.0.9")}})
          .has_value());
  EXPECT_EQ(Addresses(world.Ask("dev")).size(), 1U);
  for (const RecordType type :
       {RecordType::kDs, RecordType::kNs, RecordType::kSoa}) {
    world.Send(DnsWorld::Query("dev", type));
    EXPECT_EQ(world.TakeAsked().message.question.type, type);
  }
}

TEST(DnsZone, UnknownSingleLabelsAreForwarded) {
  DnsWorld world;
  world.Send(DnsWorld::Query("printer"));
  EXPECT_EQ(world.TakeAsked().message.question.name, N("printer"));
}

TEST(DnsZone, HostsComeChangeAndGoAtRunTime) {
  DnsWorld world;
  EXPECT_TRUE(
      world.server.SetHost({.name = "NEW", .addresses = {A("100.64.0.20")}})
          .has_value());
  EXPECT_EQ(Addresses(world.Ask("new.corp.mesh")).at(0), "100.64.0.20");
  EXPECT_TRUE(
      world.server.SetHost({.name = "new", .addresses = {A("100.64.0.21")}})
          .has_value());
  EXPECT_EQ(Addresses(world.Ask("new.corp.mesh")),
            std::vector<std::string>{"100.64.0.21"});
  EXPECT_EQ(
      world.Ask("21.0.64.100.in-addr.arpa", RecordType::kPtr).answers.size(),
      1U);
  EXPECT_TRUE(world.server.RemoveHost("new"));
  EXPECT_FALSE(world.server.RemoveHost("new"));
  EXPECT_EQ(world.Ask("new.corp.mesh").rcode(), Rcode::kNxDomain);
  world.Send(DnsWorld::Query("21.0.64.100.in-addr.arpa", RecordType::kPtr));
  EXPECT_EQ(world.asked.size(), 1U);
}

TEST(DnsZone, OneAddressMayHaveSeveralNames) {
  DnsWorld world;
  EXPECT_TRUE(
      world.server.SetHost({.name = "www", .addresses = {A("100.64.0.7")}})
          .has_value());
  EXPECT_EQ(
      world.Ask("7.0.64.100.in-addr.arpa", RecordType::kPtr).answers.size(),
      2U);
  EXPECT_TRUE(world.server.RemoveHost("web"));
  const Message left = world.Ask("7.0.64.100.in-addr.arpa", RecordType::kPtr);
  ASSERT_EQ(left.answers.size(), 1U);
  EXPECT_EQ(std::get<Name>(left.answers[0].data), N("www.corp.mesh"));
}

TEST(DnsZone, ExtraRecordsAndAliases) {
  DnsConfig config = DnsWorld::Config();
  config.extra = {{.name = N("git.corp.mesh"),
                   .type = RecordType::kCname,
                   .ttl = 5,
                   .data = N("web.corp.mesh")},
                  {.name = N("gone.corp.mesh"),
                   .type = RecordType::kCname,
                   .ttl = 5,
                   .data = N("nobody.corp.mesh")},
                  {.name = N("intra.example.org"),
                   .type = RecordType::kA,
                   .ttl = 5,
                   .data = A("100.64.0.7")}};
  DnsWorld world;
  world.Configure(config);
  const Message alias = world.Ask("git.corp.mesh");
  ASSERT_EQ(alias.answers.size(), 2U);
  EXPECT_EQ(alias.answers[0].type, RecordType::kCname);
  EXPECT_EQ(Addresses(alias).at(0), "100.64.0.7");
  const Message gone = world.Ask("gone.corp.mesh");
  EXPECT_EQ(gone.rcode(), Rcode::kNxDomain);
  EXPECT_EQ(gone.answers.size(), 1U);
  EXPECT_EQ(gone.authorities.size(), 1U);
  EXPECT_EQ(Addresses(world.Ask("intra.example.org")).size(), 1U);
  ExpectNegative(world.Ask("intra.example.org", RecordType::kAaaa),
                 Rcode::kNoError, "intra.example.org");
  world.Send(DnsWorld::Query("other.example.org"));
  EXPECT_EQ(world.asked.size(), 1U);
}

TEST(DnsZone, AliasesInACircleEnd) {
  DnsConfig config = DnsWorld::Config();
  config.extra = {{.name = N("a.corp.mesh"),
                   .type = RecordType::kCname,
                   .data = N("b.corp.mesh")},
                  {.name = N("b.corp.mesh"),
                   .type = RecordType::kCname,
                   .data = N("a.corp.mesh")}};
  DnsWorld world;
  world.Configure(config);
  EXPECT_LE(world.Ask("a.corp.mesh").answers.size(), 9U);
}

TEST(DnsZone, NamesOfTheMeshNeverLeaveIt) {
  DnsConfig config = DnsWorld::Config();
  config.routes.push_back({.suffix = "mesh", .resolvers = {kCorp}});
  config.routes.push_back({.suffix = ".", .resolvers = {kCorp}});
  DnsWorld world;
  world.Configure(config);
  for (const RecordType type :
       {RecordType::kA, RecordType::kDs, RecordType::kNs, RecordType::kAny,
        static_cast<RecordType>(16)}) {
    for (const char* name : {"corp.mesh", "x.corp.mesh", "y.x.CORP.mesh"}) {
      world.Send(DnsWorld::Query(name, type));
    }
  }
  EXPECT_TRUE(world.asked.empty());
  EXPECT_EQ(world.replies.size(), 15U);
}

TEST(DnsConfig, RefusesWhatCannotWork) {
  const auto error = [](auto change) {
    DnsConfig config = DnsWorld::Config();
    change(config);
    const auto checked = CheckDnsConfig(config);
    return checked ? Errc{} : checked.error().code;
  };
  EXPECT_EQ(error([](DnsConfig&) {}), Errc{});
  EXPECT_EQ(error([](auto& c) { c.domain = ""; }), Errc::kBadEncoding);
  EXPECT_EQ(error([](auto& c) { c.domain = "."; }), Errc::kBadValue);
  EXPECT_EQ(error([](auto& c) { c.hosts[0].name = "a..b"; }),
            Errc::kBadEncoding);
  EXPECT_EQ(error([](auto& c) { c.hosts[0].name = "."; }), Errc::kBadValue);
  EXPECT_EQ(error([](auto& c) { c.search = {".."}; }), Errc::kBadEncoding);
  EXPECT_EQ(error([](auto& c) { c.routes[0].resolvers.clear(); }),
            Errc::kBadValue);
  EXPECT_EQ(error([](auto& c) { c.routes[0].suffix = "sub.corp.mesh"; }),
            Errc::kBadValue);
  EXPECT_EQ(error([](auto& c) {
              c.extra = {{.name = N("a.corp.mesh"),
                          .type = RecordType::kCname,
                          .data = N("example.net")}};
            }),
            Errc::kBadValue);
  EXPECT_EQ(error([](auto& c) {
              c.extra = {{.name = N("a.corp.mesh"),
                          .type = RecordType::kA,
                          .data = A("fd00::1")}};
            }),
            Errc::kBadValue);
}

TEST(DnsConfig, ARefusedOneLeavesTheOldInForce) {
  DnsWorld world;
  DnsConfig bad = DnsWorld::Config();
  bad.domain = "other.mesh";
  bad.routes[0].resolvers.clear();
  EXPECT_FALSE(world.server.SetConfig(bad).has_value());
  EXPECT_EQ(Addresses(world.Ask("web.corp.mesh")).size(), 1U);
}

}  // namespace
}  // namespace natkit::dns
