#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "behavior/axis_tests.h"

namespace natkit::nat::behavior {
namespace {

constexpr uint8_t kMaxHops = 12;
constexpr int kMaxSilentHops = 3;
constexpr uint8_t kTimeExceededV4 = 11;
constexpr uint8_t kTimeExceededV6 = 3;

/// RFC 6598: only carriers use it.
bool IsShared(const IpAddress& address) {
  const ByteView bytes = address.bytes();
  return address.is_v4() && bytes[0] == 100 && (bytes[1] & 0xC0) == 64;
}

/// Requests with a small TTL name the routers on the way (nat.md 13.3).
class DepthTest final : public AxisTest {
 public:
  using AxisTest::AxisTest;

  Task<> Run() override;

 private:
  Task<> Trace(const Socket* socket);
  void Judge();
  void Found(std::string why);
  void FoundOne(std::string why);

  uint8_t distance_ = 0;  ///< of the server, if it was reached
};

Task<> DepthTest::Run() {
  Task<std::optional<Socket>> opening = lab().Open(0, 0);
  const std::optional<Socket> socket = co_await opening;
  if (!socket) {
    session().DoNotKnow(Axis::kDepth, "no socket");
    co_return;
  }
  Task<> tracing = Trace(&*socket);
  co_await tracing;
  Judge();
}

Task<> DepthTest::Trace(const Socket* socket) {
  constexpr uint32_t kCopies = 3;
  int silent = 0;
  for (uint8_t ttl = 1; ttl <= kMaxHops && silent < kMaxSilentHops; ++ttl) {
    Request request = Lab::From(*socket, targets().a1p1);
    request.ttl = ttl;
    request.attempts = kCopies;
    request.ends_on_icmp = true;
    Task<Exchange> asking = session().Ask(Axis::kDepth, std::move(request));
    const Exchange exchange = co_await asking;
    if (exchange.ok()) {
      distance_ = ttl;
      co_return;
    }
    if (!exchange.arrival || !exchange.arrival->icmp) {
      ++silent;
      continue;
    }
    silent = 0;
    const uint8_t type = exchange.arrival->icmp->type;
    if (type == kTimeExceededV4 || type == kTimeExceededV6) {
      report().hops.push_back(exchange.arrival->from.address);
    }
  }
}

void DepthTest::Found(std::string why) {
  traits().is_behind_carrier = true;
  session().Determine(Axis::kDepth, "more-than-one", std::move(why));
}

void DepthTest::FoundOne(std::string why) {
  traits().is_behind_carrier = false;
  session().Determine(Axis::kDepth, "one", std::move(why));
}

void DepthTest::Judge() {
  if (traits().translation == Translation::kNone) {
    session().Determine(Axis::kDepth, "none", "nothing is translated");
    traits().is_behind_carrier = false;
    return;
  }
  const std::vector<IpAddress>& hops = report().hops;
  // A carrier's customer without a router has such an address, and so has the
  // carrier's first router; a router of ours may not say that it is there.
  const bool is_customer = IsShared(config().local_addresses.front());
  const auto shared =
      std::find_if(hops.begin() + (is_customer && !hops.empty() ? 1 : 0),
                   hops.end(), IsShared);
  if (shared != hops.end()) {
    Found("a router in a carrier's address range (RFC 6598) is on the way: " +
          shared->ToString());
    return;
  }
  const std::vector<IpAddress>& external = traits().external_addresses;
  if (const auto& router = session().router_external) {
    if (std::ranges::find(external, *router) != external.end()) {
      FoundOne("servers see the router's outside");
      return;
    }
    if (router->is_private() &&
        std::ranges::none_of(external, &IpAddress::is_private)) {
      Found("the router's outside is " + router->ToString() +
            ", but servers see a public address");
      return;
    }
    // Another one of its own addresses, perhaps: NATs may have a pool of them.
  }
  const bool is_gateway =
      hops.size() == 1 && (!config().gateway || hops[0] == *config().gateway);
  if (distance_ == 2 && is_gateway) {
    FoundOne("there is one router between here and the server");
    return;
  }
  const auto inner =
      std::count_if(hops.begin(), hops.end(),
                    [](const IpAddress& hop) { return hop.is_private(); });
  session().DoNotKnow(Axis::kDepth,
                      inner > 1 ? "several private routers are on the way; not "
                                  "all of them need be NATs"
                      : session().router_external
                          ? "servers see another address than " +
                                session().router_external->ToString() +
                                ", the router's outside: its own, or that of "
                                "a NAT beyond it"
                          : "the router does not tell its outside",
                      inner > 1 ? "more-than-one" : "one");
}

}  // namespace

AxisTestPtr MakeDepthTest(Session& session) {
  return std::make_unique<DepthTest>(session);
}

}  // namespace natkit::nat::behavior
