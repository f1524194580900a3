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
  void Judge(const Exchange& exchange);
};

Task<> PayloadTest::Run() {
  Task<std::optional<Socket>> opening = lab().Open(0, 0);
  const std::optional<Socket> socket = co_await opening;
  if (!socket) {
    session().DoNotKnow(Axis::kPayload, "no socket");
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
  Task<Exchange> second = session().Ask(Axis::kPayload, std::move(request));
  const Exchange exchange = co_await second;
  Judge(exchange);
}

void PayloadTest::Judge(const Exchange& exchange) {
  if (!exchange.ok()) {
    session().DoNotKnow(Axis::kPayload, "a request was not answered");
    return;
  }
  const Arrival& arrival = *exchange.arrival;
  const bool is_changed_in =
      arrival.plain_mapped && arrival.plain_mapped != arrival.mapped;
  const bool is_changed_out =
      arrival.digest &&
      *arrival.digest != stun::attr::DigestOf(exchange.datagram);
  if (is_changed_in || is_changed_out) {
    report().rewrites_payload = true;
    session().Determine(Axis::kPayload, "rewritten",
                        "addresses in payloads are changed on the way " +
                            std::string(is_changed_out ? "out" : "in"));
  } else if (arrival.digest && arrival.plain_mapped) {
    report().rewrites_payload = false;
    session().Determine(Axis::kPayload, "unchanged",
                        "on the port of the server");
  } else {
    session().DoNotKnow(Axis::kPayload, "the server does not say what arrived",
                        "unchanged");
  }
}

}  // namespace

AxisTestPtr MakePayloadTest(Session& session) {
  return std::make_unique<PayloadTest>(session);
}

}  // namespace natkit::nat::behavior
