#include "natkit/io/policy_routing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>

#include "natkit/io/link_control.h"
#include "net_namespace.h"

namespace natkit::io {
namespace {

constexpr uint32_t kTable = 51999;

IpPrefix Net(std::string_view text) {
  return IpPrefix::Parse(text).value();
}

/// Runs the body in a namespace with the loopback up, or skips the test.
#define RUN_WITH_LOOPBACK(...)                                            \
  if (const std::string refusal = RunInNetNamespace([] {                  \
        ASSERT_TRUE(LinkControl::Find("lo").value().SetUp().has_value()); \
        (__VA_ARGS__)();                                                  \
      });                                                                 \
      !refusal.empty()) {                                                 \
    GTEST_SKIP() << "no network namespaces: " << refusal;                 \
  }

TEST(PolicyRouting, RoutesAreAddedReplacedListedAndRemoved) {
  RUN_WITH_LOOPBACK([] {
    for (const auto* text : {"10.7.0.0/16", "fd07::/16"}) {
      const AddressFamily family = Net(text).address().family();
      TableRoute route{.to = Net(text),
                       .table = kTable,
                       .kind = TableRoute::Kind::kInterface,
                       .interface = 1,
                       .metric = 5};
      EXPECT_TRUE(PutRoute(route).has_value());
      EXPECT_TRUE(PutRoute(route).has_value());
      EXPECT_EQ(std::vector{route}, ListRoutes(family, kTable).value());
      route.kind = TableRoute::Kind::kThrow;
      route.interface = 0;
      EXPECT_TRUE(PutRoute(route).has_value());
      EXPECT_EQ(std::vector{route}, ListRoutes(family, kTable).value());
      EXPECT_TRUE(ListRoutes(family, kTable + 1).value().empty());
      EXPECT_TRUE(RemoveRoute(route).has_value());
      EXPECT_EQ(Errc::kNotFound, RemoveRoute(route).error().code);
      EXPECT_TRUE(ListRoutes(family, kTable).value().empty());
    }
  });
}

TEST(PolicyRouting, ALastResortStandsBehindTheRoute) {
  RUN_WITH_LOOPBACK([] {
    for (const auto* text : {"0.0.0.0/0", "::/0"}) {
      const TableRoute route{
          .to = Net(text), .table = kTable, .interface = 1, .metric = 5};
      const TableRoute last{.to = Net(text),
                            .table = kTable,
                            .kind = TableRoute::Kind::kUnreachable,
                            .metric = 1000};
      EXPECT_TRUE(PutRoute(last).has_value());
      EXPECT_TRUE(PutRoute(route).has_value());
      const AddressFamily family = Net(text).address().family();
      EXPECT_EQ(2U, ListRoutes(family, kTable).value().size());
      EXPECT_TRUE(RemoveRoute(route).has_value());
      EXPECT_EQ(std::vector{last}, ListRoutes(family, kTable).value());
    }
  });
}

TEST(PolicyRouting, RulesAreAddedListedAndRemoved) {
  RUN_WITH_LOOPBACK([] {
    for (const auto* to : {"192.0.2.0/24", "2001:db8::/32"}) {
      const AddressFamily family = Net(to).address().family();
      const PolicyRule full{.family = family,
                            .priority = 5200,
                            .table = kTable,
                            .unless_mark = 0x1234,
                            .to = Net(to),
                            .ip_protocol = 17,
                            .source_port = 68,
                            .destination_port = 67};
      const PolicyRule suppress{
          .family = family, .priority = 5201, .suppress_prefix_length = 0};
      EXPECT_TRUE(AddRule(full).has_value());
      EXPECT_EQ(Errc::kAlreadyExists, AddRule(full).error().code);
      EXPECT_TRUE(AddRule(suppress).has_value());
      const auto rules = ListRules(family, 5200, 5209).value();
      ASSERT_EQ(2U, rules.size());
      EXPECT_EQ(kTable, rules[0].table);
      EXPECT_EQ(1U, ListRules(family, 5201, 5209).value().size());
      EXPECT_TRUE(RemoveRule(full).has_value());
      EXPECT_EQ(Errc::kNotFound, RemoveRule(full).error().code);
      EXPECT_TRUE(RemoveRule(rules[1]).has_value());
      EXPECT_TRUE(ListRules(family, 0, UINT32_MAX).value().empty());
    }
  });
}

}  // namespace
}  // namespace natkit::io
