// RFC 5508 REQ-9 and 11, which permit: what the box does is reported.

#include <algorithm>
#include <array>
#include <chrono>

#include "test_case.h"

namespace natkit::natcheck::conformance {
namespace {

using enum Verdict;

/// A datagram that the box must not pass on, as its lifetime ends there:
/// whether the sender hears of it.
Task<bool> IsTold(Trial& trial, Socket& from, Endpoint to) {
  const netsim::IpFields ip = {.ttl = 1};
  const auto error = co_await trial.Repeat(
      from.side(), netsim::BuildUdp(from.local(), to, TokenPayload(0), ip),
      from, [](const Seen& seen) {
        return seen.quoted &&
               seen.info.icmp_type == (seen.info.is_v4() ? 11 : 3);
      });
  co_return error.has_value();
}

struct OtherMessage {
  std::string_view name;
  uint8_t type = 0;
};

/// Neither queries nor errors (RFC 5508 section 2).
constexpr auto kOthers = std::to_array<OtherMessage>({
    {"router advertisement", 9},
    {"router solicitation", 10},
    {"an experimental one", 253},
});

Task<bool> Passes(Trial& trial, const OtherMessage& message) {
  const auto own = trial.Inside(IpProtocol::kIcmp);
  const auto target = trial.Outside(IpProtocol::kIcmp);
  auto packet = netsim::BuildEcho(own->local().address, target->local().address,
                                  netsim::EchoKind::kRequest, 0, 0,
                                  std::vector<uint8_t>(8));
  packet[20] = message.type;
  netsim::FixChecksums(packet);
  const IpAddress to = target->local().address;
  const uint8_t type = message.type;
  const auto is_it = [to, type](const Seen& seen) {
    return seen.side == Side::kOutside && seen.info.icmp_type == type &&
           seen.info.destination.address == to;
  };
  bool came = false;
  for (int i = 0; i < Persistence().copies && !came; ++i) {
    trial.Send(Side::kInside, packet);
    came = co_await trial.Until(trial.Patience(), [&trial, is_it] {
      return std::ranges::any_of(trial.lab().strays, is_it);
    });
  }
  co_return came;
}

}  // namespace

/// REQ-9.
Task<void> TestIcmpOwn(Trial& trial, const Facts& /*facts*/) {
  const auto inside = trial.Inside(IpProtocol::kUdp);
  const auto outside = trial.Outside(IpProtocol::kUdp);
  const auto mapped = co_await trial.Out(*inside, *outside);
  if (!mapped) {
    trial.Conclude("5508-9", kInconclusive, "no datagram arrived outside");
    co_return;
  }
  const bool in =
      co_await IsTold(trial, *inside, trial.lab().Toward(outside->local()));
  const bool out = co_await IsTold(trial, *outside, *mapped);
  trial.Conclude("5508-9", kPass,
                 std::string("time exceeded, of the box's own, is ") +
                     (in ? "sent" : "not sent") + " to the inside and " +
                     (out ? "sent" : "not sent") + " to the outside (it may)");
}

/// REQ-11.
Task<void> TestIcmpOther(Trial& trial, const Facts& /*facts*/) {
  if (trial.lab().site().nat64_prefix) {
    trial.Conclude("5508-11", kNotApplicable, "not tested with ICMPv6");
    co_return;
  }
  std::string passing;
  for (const OtherMessage& message : kOthers) {
    const bool passes = co_await Passes(trial, message);
    if (passes) {
      passing += (passing.empty() ? "" : ", ") + std::string(message.name);
    }
  }
  trial.Conclude("5508-11", kPass,
                 passing.empty()
                     ? "messages that are neither queries nor errors are "
                       "dropped (they may be)"
                     : "passed on (they may be): " + passing);
}

}  // namespace natkit::natcheck::conformance
