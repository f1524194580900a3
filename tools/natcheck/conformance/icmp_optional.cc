// RFC 5508 REQ-10b: ICMP messages that a NAT may support.

#include <algorithm>
#include <array>
#include <chrono>
#include <string>

#include "icmp_flow.h"
#include "test_case.h"

namespace natkit::natcheck::conformance {
namespace {

using enum Verdict;

/// A query that is as an echo but for its type and what follows.
struct OptionalQuery {
  std::string_view name;
  uint8_t type = 0;
  size_t payload = 0;
};

constexpr auto kQueries = std::to_array<OptionalQuery>({
    {"timestamp request", 13, 12},
    {"address mask request", 17, 4},
});

struct OptionalError {
  std::string_view name;
  uint8_t type = 0;
  uint8_t code = 0;
};

constexpr auto kErrors = std::to_array<OptionalError>({
    {"redirect", 5, 1},
    {"source route failed", 3, 5},
    {"parameter problem", 12, 0},
});

Task<bool> PassesQuery(Trial& trial, const OptionalQuery& query) {
  const auto own = trial.Inside(IpProtocol::kIcmp);
  const auto target = trial.Outside(IpProtocol::kIcmp);
  auto request = netsim::BuildEcho(
      own->local().address, target->local().address, netsim::EchoKind::kRequest,
      own->local().port, 1, std::vector<uint8_t>(query.payload));
  request[20] = query.type;
  netsim::FixChecksums(request);
  const Endpoint to = target->local();
  const uint8_t type = query.type;
  const auto is_it = [to, type](const Seen& seen) {
    return seen.side == Side::kOutside && seen.info.icmp_type == type &&
           seen.info.destination.address == to.address;
  };
  // Nobody's socket has its identifier outside: it ends among the strays.
  bool came = false;
  for (int i = 0; i < Persistence().copies && !came; ++i) {
    trial.Send(Side::kInside, request);
    came = co_await trial.Until(trial.Patience(), [&trial, is_it] {
      return std::ranges::any_of(trial.lab().strays, is_it);
    });
  }
  co_return came;
}

Task<bool> PassesError(Trial& trial, const OptionalError& error, Socket& own,
                       Socket& peer, const Seen& flow) {
  const uint8_t type = error.type;
  const uint8_t code = error.code;
  const Quote quote = Quote::Of(trial, flow.packet);
  const auto seen = co_await trial.Repeat(
      Side::kOutside,
      netsim::BuildIcmpError(peer.local().address, type, code, 0, quote.packet),
      own, [&quote, type, code](const Seen& one) {
        return quote.IsIn(one) && one.info.icmp_type == type &&
               one.info.icmp_code == code;
      });
  co_return seen.has_value();
}

void Append(std::string& list, std::string_view name) {
  list += (list.empty() ? "" : ", ") + std::string(name);
}

}  // namespace

Task<void> TestIcmpOptional(Trial& trial, const Facts& facts) {
  constexpr std::string_view kId = "5508-10b";
  if (trial.lab().site().nat64_prefix) {
    trial.Conclude(kId, kNotApplicable, "ICMPv6 has no such messages");
    co_return;
  }
  std::string passing;
  std::string others;
  for (const OptionalQuery& query : kQueries) {
    const bool passes = co_await PassesQuery(trial, query);
    Append(passes ? passing : others, query.name);
  }
  if (facts.passes_udp) {
    const auto own = trial.Inside(IpProtocol::kUdp);
    const auto peer = trial.Outside(IpProtocol::kUdp);
    const auto flow = co_await trial.Deliver(*own, peer->local(), *peer);
    for (const OptionalError& error : kErrors) {
      const bool passes =
          flow && co_await PassesError(trial, error, *own, *peer, *flow);
      Append(passes ? passing : others, error.name);
    }
  }
  trial.Conclude(kId, kPass,
                 "supported: " + (passing.empty() ? "none" : passing) +
                     "; not: " + (others.empty() ? "none" : others));
}

}  // namespace natkit::natcheck::conformance
