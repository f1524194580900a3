// RFC 5382 sections 5 to 7, RFC 7857 section 2: connections that live on.

#include <algorithm>
#include <array>
#include <chrono>

#include "connection.h"
#include "test_case.h"

namespace natkit::natcheck::conformance {
namespace {

using enum Verdict;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

/// A little less than four minutes.
constexpr Duration kTransitory = minutes(4) - seconds(3);
constexpr Duration kEstablished = hours(2) + minutes(4) - seconds(3);

Task<void> JudgeReset(Trial& trial) {
  Connection reset(trial);
  const bool open = co_await reset.Open();
  if (!open) {
    trial.Conclude("7857-2.2", kInconclusive, "no connection");
    trial.Conclude("7857-2.2a", kInconclusive, "no connection");
    co_return;
  }
  co_await trial.Sleep(trial.Patience());  // for what is still on its way
  const bool translated =
      co_await reset.SendFlags(Side::kOutside, netsim::kTcpRst);
  trial.Conclude("7857-2.2", translated ? kPass : kFail,
                 translated ? "an inbound RST reached the inside host"
                            : "an inbound RST did not reach the inside host");
  co_await trial.Sleep(kTransitory);
  const bool alive = co_await reset.SendData(Side::kOutside);
  trial.Conclude("7857-2.2a", alive ? kPass : kFail,
                 alive ? "state was kept for four minutes after a RST"
                       : "state was gone four minutes after a RST");
}

}  // namespace

/// REQ-5, for half-open connections.
Task<void> TestTcpTransitory(Trial& trial, const Facts& /*facts*/) {
  Connection half(trial);
  const bool syn = co_await half.SendSyn();
  if (!syn) {
    trial.Conclude("5382-5t", kInconclusive, "no SYN arrived outside");
    co_return;
  }
  co_await trial.Sleep(kTransitory);
  const bool alive = co_await half.SendSynAck();
  trial.Conclude("5382-5t", alive ? kPass : kFail,
                 alive ? "a half-open connection lives for four minutes"
                       : "a half-open connection is gone after four minutes");
}

/// REQ-5, for established ones.
Task<void> TestTcpIdle(Trial& trial, const Facts& /*facts*/) {
  Connection idle(trial);
  const bool open = co_await idle.Open();
  if (!open) {
    trial.Conclude("5382-5", kInconclusive, "no connection");
    co_return;
  }
  const Endpoint before = idle.mapped();
  co_await trial.Sleep(kEstablished);
  const bool in = co_await idle.SendData(Side::kOutside);
  const bool out = in && co_await idle.SendData(Side::kInside);
  const bool alive = out && idle.mapped() == before;
  trial.Conclude("5382-5", alive ? kPass : kFail,
                 alive ? "alive after 2 hours and 4 minutes of silence"
                       : "gone after 2 hours and 4 minutes of silence");
}

/// RFC 7857 section 2.2.
Task<void> TestTcpReset(Trial& trial, const Facts& /*facts*/) {
  co_await JudgeReset(trial);
}

/// RFC 7857 section 2.1: closing lasts four minutes by default.
Task<void> TestTcpClosing(Trial& trial, const Facts& /*facts*/) {
  Connection closed(trial);
  const bool open = co_await closed.Open();
  co_await trial.Sleep(trial.Patience());  // for what is still on its way
  const bool done = open && co_await closed.Close();
  if (!done) {
    trial.Conclude("7857-2.1", kInconclusive, "no connection could be closed");
    co_return;
  }
  co_await trial.Sleep(kTransitory);
  const bool alive = co_await closed.SendFlags(Side::kOutside, netsim::kTcpAck);
  trial.Conclude("7857-2.1", alive ? kPass : kFail,
                 alive ? "state is kept for four minutes after both FINs"
                       : "state is gone four minutes after both FINs");
}

/// REQ-9 and 10.
Task<void> TestTcpIcmp(Trial& trial, const Facts& /*facts*/) {
  Connection flow(trial);
  const bool open = co_await flow.Open();
  if (!open) {
    trial.Conclude("5382-9", kInconclusive, "no connection");
    trial.Conclude("5382-10", kInconclusive, "no connection");
    co_return;
  }
  std::optional<Seen> arrived;
  constexpr std::array<uint8_t, 6> kCodes = {1, 0, 2, 3, 4, 13};
  for (const uint8_t code : kCodes) {
    const auto is_error = [code](const Seen& seen) {
      return seen.quoted &&
             (!seen.info.is_v4() ||
              (seen.info.icmp_type == 3 && seen.info.icmp_code == code));
    };
    auto error = co_await trial.Repeat(
        Side::kOutside,
        netsim::BuildIcmpError(flow.outside().local().address, 3, code,
                               code == 4 ? 1400 : 0,
                               flow.last_outside().packet),
        flow.inside(), is_error, {.copies = code == 1 ? 6 : 2});
    if (code == 1) {
      arrived = std::move(error);
    }
  }
  const bool is_restored =
      arrived && arrived->quoted->source == flow.inside().local();
  trial.Conclude("5382-9", is_restored ? kPass : kFail,
                 is_restored ? "destination unreachable reached the inside host"
                 : arrived   ? "the quoted segment was not restored"
                             : "destination unreachable did not come in");
  const bool in = co_await flow.SendData(Side::kOutside);
  const bool alive = in && co_await flow.SendData(Side::kInside);
  trial.Conclude("5382-10", alive ? kPass : kFail,
                 alive ? "the connection survived six kinds of ICMP error"
                       : "the connection died of ICMP errors");
}

/// REQ-6: endpoints in payloads, on ports that ALGs listen to.
Task<void> TestTcpAlg(Trial& trial, const Facts& /*facts*/) {
  std::string found;
  bool is_complete = true;
  constexpr std::array<uint16_t, 4> kPorts = {5060, 1720, 1723, 33434};
  for (const uint16_t port : kPorts) {
    Connection flow(trial, 0, 0, port);
    const bool open = co_await flow.Open();
    is_complete &= open;
    if (!open) {
      continue;
    }
    std::vector<uint8_t> out = TokenPayload(0);
    const std::string own =
        "Contact: <sip:a@" + flow.inside().local().ToString() + ">\r\n";
    out.insert(out.end(), own.begin(), own.end());
    std::vector<uint8_t> in = TokenPayload(0);
    const std::string seen =
        "Contact: <sip:a@" + flow.mapped().ToString() + ">\r\n";
    in.insert(in.end(), seen.begin(), seen.end());
    const bool same_out = co_await flow.SendBytes(Side::kInside, out);
    const bool same_in = co_await flow.SendBytes(Side::kOutside, in);
    if (!same_out || !same_in) {
      found += " " + std::to_string(port);
    }
  }
  if (!found.empty()) {
    trial.Conclude("5382-6", kFail, "payloads were changed, ports:" + found);
  } else {
    trial.Conclude("5382-6", is_complete ? kPass : kInconclusive,
                   is_complete ? "embedded endpoints arrived unchanged"
                               : "not every connection opened");
  }
}

/// RFC 7857 sections 5 and 6: what UDP opened does not let TCP in.
Task<void> TestProtocolIndependence(Trial& trial, const Facts& /*facts*/) {
  const auto udp = trial.Inside(IpProtocol::kUdp);
  const auto tcp = trial.Inside(IpProtocol::kTcp, 0, udp->local().port);
  const auto server = trial.Outside(IpProtocol::kUdp);
  const auto caller = trial.Outside(IpProtocol::kTcp, 0, server->local().port);
  const auto mapped = co_await trial.Out(*udp, *server);
  if (!mapped) {
    trial.Conclude("7857-5", kInconclusive, "no datagram arrived outside");
    co_return;
  }
  const bool came = co_await trial.In(*caller, *mapped, *tcp);
  if (!came) {
    trial.Conclude("7857-5", kPass,
                   "a mapping of UDP does not let TCP in by its port");
    co_return;
  }
  // Basic NAT without a filter lets everything in: no mapping is involved.
  const auto other = trial.Inside(IpProtocol::kTcp, 0);
  const Endpoint unused = {mapped->address, other->local().port};
  const bool everything = co_await trial.In(*caller, unused, *other);
  trial.Conclude("7857-5", everything ? kNotApplicable : kFail,
                 everything ? "the box lets in everything, mapped or not"
                            : "TCP comes in by a mapping that UDP made");
}

}  // namespace natkit::natcheck::conformance
