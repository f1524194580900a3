// RFC 5508 sections 4 and 5: which errors pass, and what they quote then.

#include <algorithm>
#include <chrono>
#include <utility>

#include "icmp_flow.h"
#include "test_case.h"

namespace natkit::natcheck::conformance {
namespace {

using enum Verdict;

constexpr size_t kIpHeader = 20;
constexpr size_t kIcmpHeader = 8;
constexpr size_t kQuoteAt = kIpHeader + kIcmpHeader;

/// Host unreachable about `quoted`, from the flow's outside end.
std::vector<uint8_t> Unreachable(const IcmpFlow& flow, ByteView quoted) {
  return netsim::BuildIcmpError(flow.outside->local().address, 3, 1, 0, quoted);
}

/// The ICMP checksum again, over whatever the message now is.
void FixIcmpChecksum(std::vector<uint8_t>& packet) {
  packet[kIpHeader + 2] = 0;
  packet[kIpHeader + 3] = 0;
  const uint16_t sum =
      netsim::InternetChecksum(ByteView(packet).subspan(kIpHeader));
  packet[kIpHeader + 2] = static_cast<uint8_t>(sum >> 8);
  packet[kIpHeader + 3] = static_cast<uint8_t>(sum);
}

/// Length and header checksum of a packet that has grown.
void FixIpHeader(std::vector<uint8_t>& packet, size_t header) {
  packet[2] = static_cast<uint8_t>(packet.size() >> 8);
  packet[3] = static_cast<uint8_t>(packet.size());
  packet[10] = 0;
  packet[11] = 0;
  const uint16_t sum = netsim::InternetChecksum(ByteView(packet).first(header));
  packet[10] = static_cast<uint8_t>(sum >> 8);
  packet[11] = static_cast<uint8_t>(sum);
}

/// Whether an error about `quote`, sent from outside, arrives inside.
Task<std::optional<Seen>> Arrives(Trial& trial, IcmpFlow& flow,
                                  const Quote& quote,
                                  std::vector<uint8_t> error) {
  co_return co_await trial.Repeat(
      Side::kOutside, std::move(error), *flow.inside,
      [&quote](const Seen& seen) { return quote.IsIn(seen); });
}

/// The quoted packet with four bytes of IP options that do nothing.
std::vector<uint8_t> WithOptions(std::vector<uint8_t> quoted) {
  constexpr size_t kOptions = 4;
  quoted.insert(quoted.begin() + kIpHeader, kOptions, 1);
  quoted[0] = 0x46;
  FixIpHeader(quoted, kIpHeader + kOptions);
  return quoted;
}

/// RFC 4884: the quoted packet padded to 128 bytes, then an extension with one
/// empty object.
std::vector<uint8_t> WithExtensions(const IcmpFlow& flow, ByteView quoted) {
  constexpr size_t kQuote = 128;
  std::vector<uint8_t> error = Unreachable(flow, quoted);
  error.resize(kQuoteAt + kQuote);
  error[kIpHeader + 5] = kQuote / 4;
  std::vector<uint8_t> extension = {0x20, 0, 0, 0, 0, 4, 1, 1};
  const uint16_t sum = netsim::InternetChecksum(extension);
  extension[2] = static_cast<uint8_t>(sum >> 8);
  extension[3] = static_cast<uint8_t>(sum);
  error.insert(error.end(), extension.begin(), extension.end());
  FixIpHeader(error, kIpHeader);
  FixIcmpChecksum(error);
  return error;
}

/// What holds if good errors pass; else nothing can be said.
void JudgeDropped(Trial& trial, std::string_view requirement, bool passes_good,
                  bool dropped, std::string_view what) {
  if (!passes_good) {
    trial.Conclude(requirement, kInconclusive, "no error passes, good or bad");
    return;
  }
  trial.Conclude(requirement, dropped ? kPass : kFail,
                 std::string(what) + (dropped ? " was dropped" : " passed"));
}

void JudgePassed(Trial& trial, std::string_view requirement, bool passes_good,
                 bool passed, std::string_view what) {
  if (!passes_good) {
    trial.Conclude(requirement, kInconclusive, "no error passes, good or bad");
    return;
  }
  trial.Conclude(requirement, passed ? kPass : kFail,
                 std::string(what) + (passed ? " passed" : " was dropped"));
}

/// What is dropped on purpose takes its time, and mappings may live short
/// whatever is sent: another flow takes the place of this one if it can.
Task<void> Renew(Trial& trial, IcmpFlow& flow) {
  IcmpFlow fresh;
  const bool is_open = co_await SendOut(trial, fresh);
  if (is_open) {
    flow = std::move(fresh);
  }
}

/// REQ-3 and its parts: IPv4 outside whatever the inside is.
Task<void> JudgeValidation(Trial& trial, IcmpFlow& flow, bool passes_good) {
  co_await Renew(trial, flow);
  Quote quote = Quote::Of(trial, flow.last.packet);
  auto bad_icmp = Unreachable(flow, quote.packet);
  bad_icmp[kIpHeader + 2] ^= 0x55;
  const auto icmp = co_await Arrives(trial, flow, quote, bad_icmp);
  JudgeDropped(trial, "5508-3", passes_good, !icmp,
               "an error with a wrong ICMP checksum");
  co_await Renew(trial, flow);
  quote = Quote::Of(trial, flow.last.packet);
  auto bad_ip = Unreachable(flow, quote.packet);
  bad_ip[kQuoteAt + 10] ^= 0x55;
  FixIcmpChecksum(bad_ip);
  const auto header = co_await Arrives(trial, flow, quote, bad_ip);
  JudgeDropped(trial, "5508-3a", passes_good, !header,
               "an error whose quoted IP header has a wrong checksum");
  co_await Renew(trial, flow);
  quote = Quote::Of(trial, flow.last.packet);
  const auto options = co_await Arrives(
      trial, flow, quote, Unreachable(flow, WithOptions(quote.packet)));
  JudgePassed(trial, "5508-3b", passes_good,
              options && options->quoted->source == flow.inside->local(),
              "an error quoting a packet with IP options");
  co_await Renew(trial, flow);
  quote = Quote::Of(trial, flow.last.packet);
  auto bad_udp = Unreachable(flow, quote.packet);
  bad_udp[kQuoteAt + kIpHeader + 6] ^= 0x55;
  FixIcmpChecksum(bad_udp);
  const auto transport = co_await Arrives(trial, flow, quote, bad_udp);
  JudgePassed(trial, "5508-3c", passes_good, transport.has_value(),
              "an error whose quoted UDP checksum is wrong");
  co_await Renew(trial, flow);
  quote = Quote::Of(trial, flow.last.packet);
  const auto extended =
      co_await Arrives(trial, flow, quote, WithExtensions(flow, quote.packet));
  JudgePassed(trial, "5508-3d", passes_good, extended.has_value(),
              "an error with RFC 4884 extensions");
}

bool IsRestored(Trial& trial, const IcmpFlow& flow, const Seen& error) {
  return IsQuoteRestored(trial, flow, error) &&
         (!error.info.is_v4() ||
          (error.info.icmp_type == 3 && error.info.icmp_code == 1));
}

/// Errors about flows that the box does not have.
Task<void> JudgeUnmapped(Trial& trial, IcmpFlow& flow, bool passes_good) {
  co_await Renew(trial, flow);
  const IpAddress from = flow.outside->local().address;
  // Ports drawn one by one: any of them may happen to be mapped.
  constexpr int kPorts = 6;
  constexpr int kChance = 2;
  int came = 0;
  for (int i = 0; i < kPorts; ++i) {
    Quote quote = Quote::Of(trial, flow.last.packet);
    const auto port =
        static_cast<uint16_t>(1024 + trial.lab().rng().Below(60000));
    quote.packet[kIpHeader] = static_cast<uint8_t>(port >> 8);
    quote.packet[kIpHeader + 1] = static_cast<uint8_t>(port);
    netsim::FixChecksums(quote.packet);
    trial.Send(Side::kOutside,
               netsim::BuildIcmpError(from, 3, 2, 0, quote.packet));
    const bool arrived =
        co_await trial.Until(trial.Patience(), [&trial, &quote] {
          return std::ranges::any_of(
              trial.lab().strays, [&quote](const Seen& seen) {
                return seen.side == Side::kInside && quote.IsIn(seen);
              });
        });
    came += arrived ? 1 : 0;
  }
  const bool passed = came > kChance;
  const auto unused = trial.Inside(IpProtocol::kUdp, 0);
  const auto stranger = trial.Outside(IpProtocol::kUdp, 2);
  const Endpoint nowhere = {flow.last.info.source.address,
                            unused->local().port};
  const bool everything =
      passed && co_await trial.In(*stranger, nowhere, *unused);
  if (everything) {
    trial.Conclude("5508-4u", kNotApplicable,
                   "the box maps whole addresses and lets everything in");
    co_return;
  }
  JudgeDropped(trial, "5508-4u", passes_good, !passed,
               "an error about a packet of no mapping");
}

/// REQ-5 iii: the box shows the mapping's address, or one of its own.
void ConcludeOutbound(Trial& trial, const Facts& facts, const IcmpFlow& flow,
                      const Seen& error, bool restored) {
  constexpr std::string_view kId = "5508-5";
  const IpAddress& shown = error.info.source.address;
  const auto& inside = trial.lab().site().inside;
  if (!restored) {
    trial.Conclude(kId, kFail,
                   "an error from inside got out, but does not quote what had "
                   "been sent");
  } else if (std::ranges::find(inside, shown) != inside.end()) {
    trial.Conclude(kId, kFail, "an error from inside shows the inside address");
  } else if (shown == flow.last.info.source.address ||
             std::ranges::find(facts.external, shown) != facts.external.end()) {
    trial.Conclude(
        kId, kPass,
        "an error from inside got out as it should, from " + shown.ToString());
  } else {
    trial.Conclude(kId, kInconclusive,
                   "an error from inside got out, from " + shown.ToString() +
                       ", which may be the box's own or not");
  }
}

/// REQ-5 a: about a packet that cannot have come in.
Task<void> JudgeOutboundUnmapped(Trial& trial, IcmpFlow& flow) {
  const auto unused = trial.Inside(IpProtocol::kUdp, 0);
  const Endpoint peer = trial.lab().Toward(flow.outside->local());
  const Quote quote = Quote::Of(
      trial, netsim::BuildUdp(peer, unused->local(), TokenPayload(0)));
  const bool is_v4 = peer.address.is_v4();
  const auto error = co_await trial.Repeat(
      Side::kInside,
      netsim::BuildIcmpError(flow.inside->local().address, is_v4 ? 3 : 1,
                             is_v4 ? 3 : 4, 0, quote.packet),
      *flow.outside, [&quote](const Seen& seen) { return quote.IsIn(seen); });
  const auto stranger = trial.Outside(IpProtocol::kUdp, 2);
  const Endpoint nowhere = {flow.last.info.source.address,
                            unused->local().port};
  const bool everything =
      error && co_await trial.In(*stranger, nowhere, *unused);
  if (everything) {
    trial.Conclude("5508-5u", kNotApplicable,
                   "the box maps whole addresses and lets everything in");
    co_return;
  }
  JudgeDropped(trial, "5508-5u", true, !error,
               "an error from inside about a packet of no mapping");
}

/// REQ-5: an inside host reports about what came in.
Task<void> JudgeOutbound(Trial& trial, const Facts& facts, IcmpFlow& flow) {
  co_await Renew(trial, flow);
  const auto in = co_await trial.Deliver(*flow.outside, flow.last.info.source,
                                         *flow.inside);
  if (!in) {
    trial.Conclude("5508-5", kInconclusive, "no datagram came in");
    trial.Conclude("5508-5u", kInconclusive, "no datagram came in");
    co_return;
  }
  const bool is_v4 = in->info.is_v4();
  const Quote quote = Quote::Of(trial, in->packet);
  const auto error = co_await trial.Repeat(
      Side::kInside,
      netsim::BuildIcmpError(flow.inside->local().address, is_v4 ? 3 : 1,
                             is_v4 ? 3 : 4, 0, quote.packet),
      *flow.outside, [&quote](const Seen& seen) { return quote.IsIn(seen); });
  if (!error) {
    trial.Conclude("5508-5", kFail, "an error from inside did not get out");
    trial.Conclude("5508-5u", kInconclusive, "no error passes, good or bad");
    co_return;
  }
  const bool restored = error->quoted->destination == flow.last.info.source &&
                        error->quoted->source == flow.outside->local() &&
                        error->info.icmp_type == 3 &&
                        error->info.icmp_code == 3;
  ConcludeOutbound(trial, facts, flow, *error, restored);
  co_await JudgeOutboundUnmapped(trial, flow);
}

}  // namespace

/// REQ-3, 4, 5 and 10a.
Task<void> TestIcmpErrors(Trial& trial, const Facts& facts) {
  IcmpFlow flow;
  const bool open = co_await SendOut(trial, flow);
  if (!open) {
    co_return;
  }
  Quote quote = Quote::Of(trial, flow.last.packet);
  const auto good =
      co_await Arrives(trial, flow, quote, Unreachable(flow, quote.packet));
  const bool restored = good && IsRestored(trial, flow, *good);
  trial.Conclude("5508-4", restored ? kPass : kFail,
                 restored ? "an error came in with its quoted packet restored"
                 : good   ? "an error came in, but not as it should"
                          : "an error about a mapped packet did not come in");
  quote = Quote::Of(trial, flow.last.packet);
  const auto late =
      co_await Arrives(trial, flow, quote,
                       netsim::BuildIcmpError(flow.outside->local().address, 11,
                                              0, 0, quote.packet));
  const bool exceeded =
      late && late->info.icmp_type == (late->info.is_v4() ? 11 : 3);
  trial.Conclude("5508-10a", good && exceeded ? kPass : kFail,
                 good && exceeded
                     ? "destination unreachable and time exceeded pass"
                     : "destination unreachable or time exceeded do not pass");
  co_await JudgeValidation(trial, flow, good.has_value());
  co_await JudgeUnmapped(trial, flow, good.has_value());
  co_await JudgeOutbound(trial, facts, flow);
}

namespace {

/// An echo request that arrives at an inside host under its own identifier.
Task<bool> IsAsked(Trial& trial, Side side, const IpAddress& from,
                   const IpAddress& to, Socket& at) {
  const uint64_t token = trial.lab().NextToken();
  trial.lab().ExpectToken(token, at);
  const Endpoint own = at.local();
  const auto seen = co_await trial.Repeat(
      side,
      netsim::BuildEcho(from, to, netsim::EchoKind::kRequest, own.port, 1,
                        TokenPayload(token)),
      at, [token, own](const Seen& one) {
        return one.token == token && one.side == Side::kInside &&
               one.info.destination.address == own.address &&
               one.info.icmp_id == own.port;
      });
  co_return seen.has_value();
}

/// Whether queries are hairpinned; nullopt where they need not be. Basic NAT
/// alone has whom to give a query to, which shows when one from outside comes
/// in.
Task<std::optional<bool>> HairpinsQueries(Trial& trial, const Facts& facts) {
  std::optional<bool> result;
  const auto& external = facts.external;
  const bool may_be_basic =
      facts.drawn_ports.empty() && external.size() > 1 && external[1].is_v4() &&
      !external[1].is_unspecified() && external[0] != external[1];
  if (may_be_basic && facts.passes_icmp) {
    const auto asked = trial.Inside(IpProtocol::kIcmp, 1);
    const bool is_basic =
        co_await IsAsked(trial, Side::kOutside, trial.lab().site().outside[0],
                         external[1], *asked);
    if (is_basic) {
      const bool came =
          co_await IsAsked(trial, Side::kInside, trial.lab().site().inside[0],
                           external[1], *asked);
      result = came;
    }
  }
  co_return result;
}

}  // namespace

/// REQ-7: a host reports about what another sent it by the box.
Task<void> TestIcmpHairpin(Trial& trial, const Facts& facts) {
  const auto a = trial.Inside(IpProtocol::kUdp, 0);
  const auto b = trial.Inside(IpProtocol::kUdp, 1);
  const auto outside = trial.Outside(IpProtocol::kUdp);
  const auto mapped_a = co_await trial.Out(*a, *outside);
  const auto mapped_b = co_await trial.Out(*b, *outside);
  std::optional<Seen> at_b;
  if (mapped_a && mapped_b) {
    const Endpoint to_a = trial.lab().Toward(*mapped_a);
    const Endpoint to_b = trial.lab().Toward(*mapped_b);
    for (int i = 0; i < 4 && !at_b; ++i) {
      co_await trial.Deliver(*b, to_a, *a, {.copies = 2});
      at_b = co_await trial.Deliver(*a, to_b, *b, {.copies = 2});
    }
  }
  if (!at_b) {
    trial.Conclude("5508-7", kNotApplicable, "no datagram was hairpinned");
    trial.Conclude("5508-7a", kNotApplicable, "no datagram was hairpinned");
    co_return;
  }
  if (at_b->info.source.address == a->local().address) {
    trial.Conclude("5508-7", kInconclusive,
                   "hairpinned packets show the inside source: errors about "
                   "them do not pass the box");
    trial.Conclude("5508-7a", kInconclusive, "as REQ-7");
    co_return;
  }
  const bool is_v4 = at_b->info.is_v4();
  const Quote quote = Quote::Of(trial, at_b->packet);
  const auto error = co_await trial.Repeat(
      Side::kInside,
      netsim::BuildIcmpError(b->local().address, is_v4 ? 3 : 1, is_v4 ? 3 : 4,
                             0, quote.packet),
      *a, [&quote](const Seen& seen) { return quote.IsIn(seen); });
  const auto queries = co_await HairpinsQueries(trial, facts);
  const bool lacks_queries = queries && !*queries;
  trial.Conclude("5508-7", error && !lacks_queries ? kPass : kFail,
                 !error          ? "a hairpinned error did not arrive"
                 : lacks_queries ? "basic NAT, but a hairpinned query did not "
                                   "arrive"
                 : queries ? "a hairpinned error and a hairpinned query arrived"
                           : "a hairpinned error arrived");
  const bool right = error && error->quoted->source == a->local() &&
                     error->info.destination.address == a->local().address;
  trial.Conclude("5508-7a",
                 !error  ? kNotApplicable
                 : right ? kPass
                         : kFail,
                 !error  ? "no hairpinned error arrived (REQ-7)"
                 : right ? "its destination is the source of what it quotes"
                         : "its destination is not the source of what it "
                           "quotes");
}

}  // namespace natkit::natcheck::conformance
