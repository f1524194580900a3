#include "natkit/io/resolver.h"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

namespace natkit::io {
namespace {

using namespace std::chrono_literals;

using Answer = Result<std::vector<IpAddress>>;

Answer Ask(const std::string& host) {
  EventLoop loop;
  Resolver resolver(loop);
  std::optional<Answer> answer;
  resolver.Resolve(host, [&](Answer result) { answer = std::move(result); });
  EXPECT_FALSE(answer.has_value());
  EXPECT_TRUE(loop.RunUntil([&] { return answer.has_value(); }, 30s));
  return *answer;
}

TEST(Resolver, AddressTextIsItsOwnAnswer) {
  EXPECT_EQ(Ask("192.0.2.7").value(), std::vector{IpAddress::V4(192, 0, 2, 7)});
  EXPECT_EQ(Ask("2001:db8::7").value(),
            std::vector{IpAddress::Parse("2001:db8::7").value()});
}

TEST(Resolver, KnowsLocalhost) {
  const auto addresses = Ask("localhost").value();
  for (const auto& address : addresses) {
    EXPECT_TRUE(address.is_loopback());
  }
}

TEST(Resolver, AnImpossibleNameIsNotFound) {
  EXPECT_EQ(Ask("no..such..name").error().code, Errc::kNotFound);
  EXPECT_FALSE(Ask(std::string(300, 'x')).has_value());
}

TEST(Resolver, CallsNoHandlerAfterItsEnd) {
  EventLoop loop;
  bool is_called = false;
  {
    Resolver resolver(loop);
    resolver.Resolve("127.0.0.1", [&](const Answer&) { is_called = true; });
    resolver.Resolve(std::string(300, 'x'),
                     [&](const Answer&) { is_called = true; });
  }
  EXPECT_FALSE(loop.RunUntil([&] { return is_called; }, 50ms));
}

}  // namespace
}  // namespace natkit::io
