#include <optional>
#include <string>
#include <utility>

#include "behavior/axis_tests.h"

namespace natkit::nat::behavior {
namespace {

/// STUN bytes of a datagram that must be cut on any path with Ethernet in it
/// (nat.md 5.11: MTU + 200).
constexpr size_t kLong = 1700;
/// An answer of so many bytes was not padded.
constexpr size_t kShort = 600;
/// Requests of this size pay for a long answer (stun_vendor.h).
constexpr size_t kPayment = 1200;
constexpr int kPayments = 2;
constexpr int kRounds = 5;

enum class Passes : uint8_t { kUnknown, kYes, kNo };

/// Long datagrams each way. A server of RFC 5780 pads its answer when the
/// request is padded, so only one with natkit's attributes tells the
/// directions apart.
class FragmentsTest final : public AxisTest {
 public:
  using AxisTest::AxisTest;

  Task<> Run() override;

 private:
  Task<> TryOutbound(const Socket* socket);
  Task<> TryInbound(const Socket* socket);
  Task<bool> Pay(const Socket* socket);
  void Judge();

  Passes out_ = Passes::kUnknown;
  Passes in_ = Passes::kUnknown;
  bool knows_vendor_ = false;
  bool is_path_broken_ = false;  ///< short requests are not answered either
};

Task<> FragmentsTest::Run() {
  Task<std::optional<Socket>> opening = lab().Open(0, 0);
  const std::optional<Socket> socket = co_await opening;
  if (!socket) {
    session().DoNotKnow(Axis::kFragments, "no socket");
    co_return;
  }
  Task<> out = TryOutbound(&*socket);
  co_await out;
  if (in_ == Passes::kUnknown) {
    Task<> in = TryInbound(&*socket);
    co_await in;
  }
  Judge();
}

Task<> FragmentsTest::TryOutbound(const Socket* socket) {
  Request request = Lab::From(*socket, targets().a1p1);
  request.padding = kLong - 64;
  request.options = stun::attr::ProbeOptionsValue{};
  request.options->do_not_pad_response = true;
  Task<Exchange> asking = session().Ask(Axis::kFragments, std::move(request));
  const Exchange exchange = co_await asking;
  if (exchange.ok()) {
    out_ = Passes::kYes;
    knows_vendor_ = exchange.arrival->size < kShort;
    in_ = knows_vendor_ ? Passes::kUnknown : Passes::kYes;
  } else if (!exchange.arrival) {
    out_ = Passes::kNo;  // or in_, if the server pads all the same
  }
}

Task<bool> FragmentsTest::Pay(const Socket* socket) {
  for (int i = 0; i < kPayments; ++i) {
    Request request = Lab::From(*socket, targets().a1p1);
    request.filler.resize(kPayment);
    Task<Exchange> paying = lab().Transact(std::move(request));
    if (!(co_await paying).ok()) {
      co_return false;
    }
  }
  co_return true;
}

Task<> FragmentsTest::TryInbound(const Socket* socket) {
  int silences = 0;
  for (int i = 0; i < kRounds; ++i) {
    Task<bool> paying = Pay(socket);
    if (!co_await paying) {
      is_path_broken_ = true;
      co_return;
    }
    Request request = Lab::From(*socket, targets().a1p1);
    request.options = stun::attr::ProbeOptionsValue{};
    request.options->pad_response_only = true;
    request.options->response_size = kLong;
    request.attempts = 1;  // what was paid for is one answer
    Task<Exchange> asking = session().Ask(Axis::kFragments, std::move(request));
    const Exchange exchange = co_await asking;
    if (exchange.ok() && exchange.arrival->size > kShort) {
      in_ = Passes::kYes;
      knows_vendor_ = true;
      co_return;
    }
    silences += exchange.arrival ? 0 : 1;
  }
  in_ = silences == kRounds ? Passes::kNo : Passes::kUnknown;
}

void FragmentsTest::Judge() {
  if (out_ == Passes::kUnknown || in_ == Passes::kUnknown) {
    session().DoNotKnow(Axis::kFragments,
                        is_path_broken_
                            ? "a request was not answered"
                            : "the server does not tell the directions apart");
    return;
  }
  if (out_ == Passes::kNo && !knows_vendor_ && in_ == Passes::kNo) {
    session().Determine(Axis::kFragments, "none");
    return;
  }
  const bool goes_out = out_ == Passes::kYes;
  const bool comes_in = in_ == Passes::kYes;
  session().Determine(Axis::kFragments, goes_out && comes_in ? "both"
                                        : goes_out           ? "out"
                                                             : "in");
}

}  // namespace

AxisTestPtr MakeFragmentsTest(Session& session) {
  return std::make_unique<FragmentsTest>(session);
}

}  // namespace natkit::nat::behavior
