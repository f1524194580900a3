#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "behavior/axis_tests.h"

namespace natkit::nat::behavior {
namespace {

/// Room for a digest in the answer (stun_vendor.h).
constexpr size_t kFiller = 160;
/// What gateways for SIP listen to.
constexpr uint16_t kSipPort = 5060;

void Append(std::vector<uint8_t>& out, ByteView bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

/// An endpoint as the payload of other protocols has it: bytes, then text.
void AppendEndpoint(std::vector<uint8_t>& out, const Endpoint& endpoint) {
  Append(out, endpoint.address.bytes());
  out.push_back(static_cast<uint8_t>(endpoint.port >> 8));
  out.push_back(static_cast<uint8_t>(endpoint.port & 0xFF));
  Append(out, AsBytes(endpoint.ToString()));
}

/// Sends our own addresses in the payload and lets the server digest what
/// arrives; compares the two forms of the mapped address on the way back
/// (nat.md 3.6, 5.12).
class PayloadTest final : public AxisTest {
 public:
  using AxisTest::AxisTest;

  Task<> Run() override;

 private:
  enum class Seen : uint8_t { kNothing, kUnchanged, kIn, kOut, kSwallowed };

  Task<> TryFrom(uint16_t port, Seen* seen);
  [[nodiscard]] static Seen Judge(const Exchange& exchange);
};

Task<> PayloadTest::Run() {
  Seen plain = Seen::kNothing;
  Task<> trying = TryFrom(0, &plain);
  co_await trying;
  Seen sip = Seen::kNothing;
  Task<> trying_sip = TryFrom(kSipPort, &sip);
  co_await trying_sip;
  for (const auto& [seen, where] :
       {std::pair{plain, ""}, std::pair{sip, " from port 5060 (SIP)"}}) {
    if (seen == Seen::kIn || seen == Seen::kOut) {
      report().rewrites_payload = true;
      session().Determine(
          Axis::kPayload, "rewritten",
          std::string("addresses in payloads are changed on the way ") +
              (seen == Seen::kOut ? "out" : "in") + where);
      co_return;
    }
    if (seen == Seen::kSwallowed) {
      report().rewrites_payload = true;
      session().Determine(
          Axis::kPayload, "rewritten",
          std::string("datagrams with addresses in them do not arrive whole") +
              where);
      co_return;
    }
  }
  if (plain == Seen::kNothing) {
    session().DoNotKnow(Axis::kPayload, "the server does not say what arrived",
                        "unchanged");
    co_return;
  }
  report().rewrites_payload = false;
  session().Determine(Axis::kPayload, "unchanged",
                      sip == Seen::kUnchanged
                          ? "on the port of the server, and from port 5060"
                          : "on the port of the server");
}

Task<> PayloadTest::TryFrom(uint16_t port, Seen* seen) {
  Task<std::optional<Socket>> opening = lab().Open(0, port);
  const std::optional<Socket> socket = co_await opening;
  if (!socket) {
    co_return;
  }
  Task<Exchange> first =
      session().Ask(Axis::kPayload, Lab::From(*socket, targets().a1p1));
  const Exchange plain = co_await first;
  Request request = Lab::From(*socket, targets().a1p1);
  request.options = stun::attr::ProbeOptionsValue{};
  request.options->echo_digest = true;
  AppendEndpoint(request.filler, socket->local());
  if (plain.mapped()) {
    AppendEndpoint(request.filler, *plain.mapped());
  }
  request.filler.resize(std::max(request.filler.size(), kFiller));
  Request neutral = request;
  std::ranges::fill(neutral.filler, uint8_t{0});
  Task<Exchange> second = session().Ask(Axis::kPayload, std::move(request));
  const Exchange exchange = co_await second;
  *seen = Judge(exchange);
  if (exchange.arrival) {
    co_return;
  }
  // A gateway that makes a text longer breaks the datagram: does one without
  // addresses arrive?
  Task<Exchange> third = session().AskNoting(Axis::kPayload, std::move(neutral),
                                             "the same without addresses");
  if ((co_await third).ok()) {
    *seen = Seen::kSwallowed;
  }
}

PayloadTest::Seen PayloadTest::Judge(const Exchange& exchange) {
  if (!exchange.ok()) {
    return Seen::kNothing;
  }
  const Arrival& arrival = *exchange.arrival;
  if (arrival.digest &&
      *arrival.digest != stun::attr::DigestOf(exchange.datagram)) {
    return Seen::kOut;
  }
  if (arrival.plain_mapped && arrival.plain_mapped != arrival.mapped) {
    return Seen::kIn;
  }
  return arrival.digest && arrival.plain_mapped ? Seen::kUnchanged
                                                : Seen::kNothing;
}

}  // namespace

AxisTestPtr MakePayloadTest(Session& session) {
  return std::make_unique<PayloadTest>(session);
}

}  // namespace natkit::nat::behavior
