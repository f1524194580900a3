#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "behavior/axis_tests.h"

namespace natkit::nat::behavior {
namespace {

using std::chrono::seconds;

/// STUN bytes of a datagram that must be cut on any path with Ethernet in it
/// (nat.md 5.11: MTU + 200).
constexpr size_t kLong = 1700;
/// An answer of so many bytes was not padded.
constexpr size_t kShort = 600;
/// Requests of this size pay for a long answer (stun_vendor.h).
constexpr size_t kPayment = 1200;
constexpr int kPayments = 2;
/// So many volleys each way at most.
constexpr int kRounds = 24;
/// So many that tell nothing, one after the other, end it.
constexpr int kMaxVoids = 6;
/// So many answers that are not padded although they were paid for.
constexpr int kMaxShorts = 3;
constexpr Duration kMaxPatience = seconds(5);
/// Silence by accident is that unlikely when it counts as an answer.
constexpr double kDoubt = 1e-4;

enum class Passes : uint8_t { kUnknown, kYes, kNo };

/// Long datagrams each way. A server of RFC 5780 pads its answer when the
/// request is padded, so only one with natkit's attributes tells the
/// directions apart.
///
/// Each long request goes right between two short ones from the same socket.
/// Its silence counts only if both of these were answered: whoever limits
/// mappings or requests, or is just far away, does not tell them apart.
class FragmentsTest final : public AxisTest {
 public:
  using AxisTest::AxisTest;

  Task<> Run() override;

 private:
  Task<bool> Prepare();
  Task<> TryOutbound();
  Task<> TryInbound();
  Task<bool> Pay();
  /// Gives the path or the server time after volleys that told nothing.
  Task<> Rest();
  Task<Exchange> Fire(Request request);
  void NoteControls(const Exchange& before, const Exchange& after);
  [[nodiscard]] bool IsNo(int silences) const;

  [[nodiscard]] bool IsLost() const { return voids_ >= kMaxVoids; }

  [[nodiscard]] Request Ask() { return Lab::From(*socket_, targets().a1p1); }

  [[nodiscard]] std::string WhyUnknown() const;
  void Judge();

  std::optional<Socket> socket_;
  Passes out_ = Passes::kUnknown;
  Passes in_ = Passes::kUnknown;
  bool knows_vendor_ = false;
  Duration patience_{};
  bool is_controlled_ = false;  ///< of the last volley: both were answered
  int voids_ = 0;               ///< in a row
  int controls_ = 0;
  int lost_controls_ = 0;
  int shorts_ = 0;
};

Task<> FragmentsTest::Run() {
  Task<bool> preparing = Prepare();
  if (!co_await preparing) {
    co_return;
  }
  Task<> out = TryOutbound();
  co_await out;
  if (out_ != Passes::kUnknown && in_ == Passes::kUnknown) {
    Task<> in = TryInbound();
    co_await in;
  }
  Judge();
}

/// Shows that the socket has a mapping, and how far the server is.
Task<bool> FragmentsTest::Prepare() {
  Task<std::optional<Socket>> opening = lab().Open(0, 0);
  socket_ = co_await opening;
  if (!socket_) {
    session().DoNotKnow(Axis::kFragments, "no socket");
    co_return false;
  }
  Task<Exchange> asking =
      session().AskNoting(Axis::kFragments, Ask(), "control");
  const Exchange exchange = co_await asking;
  if (!exchange.ok()) {
    session().DoNotKnow(Axis::kFragments, "a short request was not answered");
    co_return false;
  }
  const Duration took = exchange.arrival->at - exchange.sent_at.front();
  patience_ = std::clamp(2 * took, config().interval, kMaxPatience);
  co_return true;
}

Task<> FragmentsTest::TryOutbound() {
  int silences = 0;
  for (int i = 0; i < kRounds && !IsLost(); ++i) {
    Task<> resting = Rest();
    co_await resting;
    Request request = Ask();
    request.padding = kLong - 64;
    request.options = stun::attr::ProbeOptionsValue{};
    request.options->do_not_pad_response = true;
    Task<Exchange> firing = Fire(std::move(request));
    const Exchange exchange = co_await firing;
    if (exchange.ok()) {
      out_ = Passes::kYes;
      knows_vendor_ = exchange.arrival->size < kShort;
      in_ = knows_vendor_ ? Passes::kUnknown : Passes::kYes;
      co_return;
    }
    if (exchange.arrival) {
      co_return;  // refused
    }
    silences += is_controlled_ ? 1 : 0;
    if (IsNo(silences)) {
      out_ = Passes::kNo;  // or in_, if the server pads all the same
      co_return;
    }
  }
}

Task<bool> FragmentsTest::Pay() {
  for (int i = 0; i < kPayments; ++i) {
    Request request = Ask();
    request.filler.resize(kPayment);
    Task<Exchange> paying = lab().Transact(std::move(request));
    if (!(co_await paying).ok()) {
      co_return false;
    }
  }
  co_return true;
}

Task<> FragmentsTest::TryInbound() {
  int silences = 0;
  for (int i = 0; i < kRounds && !IsLost() && shorts_ < kMaxShorts; ++i) {
    Task<bool> paying = Pay();
    if (!co_await paying) {
      ++voids_;
      continue;
    }
    Task<> resting = Rest();
    co_await resting;
    Request request = Ask();
    request.options = stun::attr::ProbeOptionsValue{};
    request.options->pad_response_only = true;
    request.options->response_size = kLong;
    Task<Exchange> firing = Fire(std::move(request));
    const Exchange exchange = co_await firing;
    if (exchange.ok() && exchange.arrival->size > kShort) {
      in_ = Passes::kYes;
      knows_vendor_ = true;
      co_return;
    }
    shorts_ += exchange.arrival ? 1 : 0;
    silences += !exchange.arrival && is_controlled_ ? 1 : 0;
    if (shorts_ == 0 && IsNo(silences)) {
      in_ = Passes::kNo;
      co_return;
    }
  }
}

Task<> FragmentsTest::Rest() {
  if (voids_ == 0) {
    co_return;
  }
  Lab::Sleeper rest(lab(), lab().now() + seconds(std::min(1 << voids_, 5)));
  co_await rest;
}

Task<Exchange> FragmentsTest::Fire(Request request) {
  std::vector<Request> volley;
  volley.push_back(Ask());
  volley.push_back(std::move(request));
  volley.push_back(Ask());
  Task<std::vector<Exchange>> asking =
      lab().TransactAtOnce(std::move(volley), patience_);
  std::vector<Exchange> exchanges = co_await asking;
  for (const size_t control : {size_t{0}, size_t{2}}) {
    exchanges[control].probe.note = "control";
  }
  for (const Exchange& exchange : exchanges) {
    session().Keep(Axis::kFragments, exchange.probe);
  }
  NoteControls(exchanges[0], exchanges[2]);
  Exchange tried = std::move(exchanges[1]);
  co_return tried;
}

void FragmentsTest::NoteControls(const Exchange& before,
                                 const Exchange& after) {
  controls_ += 2;
  lost_controls_ += (before.ok() ? 0 : 1) + (after.ok() ? 0 : 1);
  is_controlled_ = before.mapped() && before.mapped() == after.mapped();
  voids_ = is_controlled_ ? 0 : voids_ + 1;
  if (!is_controlled_) {
    patience_ = std::min(2 * patience_, kMaxPatience);
  }
}

/// A datagram in two pieces is lost about twice as often as a whole one.
bool FragmentsTest::IsNo(int silences) const {
  const double loss = (lost_controls_ + 0.5) / (controls_ + 1);
  return silences > 0 && std::pow(std::min(2 * loss, 0.9), silences) < kDoubt;
}

std::string FragmentsTest::WhyUnknown() const {
  if (IsLost()) {
    return "short requests are not answered either";
  }
  return shorts_ > 0 ? "the server does not tell the directions apart"
                     : "too much is lost to tell, or it is refused";
}

void FragmentsTest::Judge() {
  if (out_ == Passes::kUnknown || in_ == Passes::kUnknown) {
    session().DoNotKnow(Axis::kFragments, WhyUnknown());
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
