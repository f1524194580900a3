#include <algorithm>
#include <cstddef>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "behavior/axis_tests.h"

namespace natkit::nat::behavior {
namespace {

constexpr size_t kRounds = 2;
/// A port that was shared once may have been so by chance.
constexpr size_t kMoreRounds = 4;
/// Where external addresses are drawn, the two hosts must first meet at one:
/// with four addresses the second meeting is missed once in 60,000 times.
constexpr size_t kRoundsOfPool = 48;
constexpr std::ptrdiff_t kMinMeetings = 2;
/// So many tell enough.
constexpr std::ptrdiff_t kEnoughMeetings = 3;
constexpr int kPortTries = 8;

/// What two hosts with one source port got.
struct Clash {
  std::optional<Endpoint> first_at_a1p1;
  std::optional<Endpoint> second_at_a2p2;
  std::optional<Endpoint> second_at_a1p1;
  std::optional<Endpoint> first_again;  ///< at A1:P1, after all that
  uint16_t port = 0;

  [[nodiscard]] bool is_complete() const {
    return first_at_a1p1 && second_at_a2p2 && second_at_a1p1;
  }

  /// The hosts met at one external address.
  [[nodiscard]] bool is_meeting() const {
    return is_complete() && first_at_a1p1->address == second_at_a2p2->address;
  }

  [[nodiscard]] bool is_shared() const {
    return is_complete() && first_at_a1p1 == second_at_a2p2;
  }
};

/// Two hosts, one source port: toward different destinations, then toward the
/// same one (nat.md 6.2).
class OverloadingTest final : public AxisTest {
 public:
  using AxisTest::AxisTest;

  Task<> Run() override;

 private:
  [[nodiscard]] size_t WantedRounds();
  Task<> RunOnce();
  void Judge();
  void Refine();

  std::vector<Clash> clashes_;
};

Task<> OverloadingTest::Run() {
  if (traits().translation == Translation::kNone) {
    session().NotApplicable(Axis::kOverloading, "nothing is translated");
    co_return;
  }
  if (config().local_addresses.size() < 2) {
    session().Untested(Axis::kOverloading, "needs two hosts or addresses");
    co_return;
  }
  if (!targets().a2p2) {
    session().DoNotKnow(Axis::kOverloading,
                        "a second server address is needed");
    co_return;
  }
  for (size_t i = 0; i < WantedRounds() && !lab().IsSilent(); ++i) {
    Task<> once = RunOnce();
    co_await once;
  }
  Judge();
}

size_t OverloadingTest::WantedRounds() {
  if (traits().pooling == Pooling::kArbitrary) {
    const auto met = std::ranges::count_if(clashes_, &Clash::is_meeting);
    return met < kEnoughMeetings ? kRoundsOfPool : 0;
  }
  const auto shared = std::ranges::count_if(clashes_, &Clash::is_shared);
  return shared == 1 ? kMoreRounds : kRounds;
}

Task<> OverloadingTest::RunOnce() {
  std::optional<Socket> first;
  std::optional<Socket> second;
  for (int i = 0; i < kPortTries && !second; ++i) {
    const auto port = static_cast<uint16_t>(20000 + lab().rng().Below(40000));
    Task<std::optional<Socket>> opening_first = lab().Open(0, port);
    first = co_await opening_first;
    Task<std::optional<Socket>> opening_second = lab().Open(1, port);
    second = co_await opening_second;
    if (!first) {
      second.reset();
    }
  }
  if (!second) {
    co_return;
  }
  Clash clash;
  clash.port = first->local().port;
  Task<Exchange> one =
      session().Ask(Axis::kOverloading, Lab::From(*first, targets().a1p1));
  clash.first_at_a1p1 = (co_await one).mapped();
  Task<Exchange> two =
      session().Ask(Axis::kOverloading, Lab::From(*second, *targets().a2p2));
  clash.second_at_a2p2 = (co_await two).mapped();
  Task<Exchange> three =
      session().Ask(Axis::kOverloading, Lab::From(*second, targets().a1p1));
  clash.second_at_a1p1 = (co_await three).mapped();
  if (clashes_.empty()) {
    Task<Exchange> controlling = session().AskNoting(
        Axis::kOverloading, Lab::From(*first, targets().a1p1), "control");
    clash.first_again = (co_await controlling).mapped();
  }
  clashes_.push_back(clash);
}

void OverloadingTest::Judge() {
  if (clashes_.size() < kRounds ||
      !std::ranges::all_of(clashes_, &Clash::is_complete)) {
    session().DoNotKnow(Axis::kOverloading,
                        "a request was not answered, or ports were taken");
    return;
  }
  Refine();
  const auto met = std::ranges::count_if(clashes_, &Clash::is_meeting);
  const auto shared = std::ranges::count_if(clashes_, &Clash::is_shared);
  if (met < std::ssize(clashes_) && met < kMinMeetings && shared < 2) {
    session().DoNotKnow(Axis::kOverloading,
                        "the hosts have external addresses of their own", "no");
    return;
  }
  if (shared == 1) {  // perhaps a coincidence of random ports
    session().DoNotKnow(Axis::kOverloading, "a port was shared once", "yes");
    return;
  }
  traits().overloads_ports = shared > 1;
  session().Determine(Axis::kOverloading, shared > 1 ? "yes" : "no");
}

/// A second host also tells whether ports are kept at any price, and whether
/// hosts have external addresses of their own.
void OverloadingTest::Refine() {
  const Clash& clash = clashes_.front();
  const bool has_own_address =
      traits().pooling == Pooling::kSingle &&
      clash.first_at_a1p1->address != clash.second_at_a1p1->address;
  if (has_own_address && clash.first_again != clash.first_at_a1p1) {
    traits().pooling.reset();
    session().DoNotKnow(Axis::kPooling, std::string(kAddressChanged));
    return;
  }
  if (has_own_address) {
    traits().pooling = Pooling::kPaired;
    traits().external_addresses.push_back(clash.second_at_a1p1->address);
    session().Determine(Axis::kPooling, "paired",
                        "two hosts have an external address each");
    return;
  }
  const bool was_moved = clash.second_at_a1p1->port != clash.port;
  Verdict& preservation = report().verdicts[Axis::kPreservation];
  if (preservation.value == "yes" && was_moved) {
    preservation.value = "if-free";
    preservation.reason += "; the second host with one port got another";
  }
  if (!traits().translation && was_moved) {
    traits().translation = Translation::kNapt;
    session().Determine(Axis::kTranslation, "napt",
                        "the second host with one port got another");
  }
}

}  // namespace

AxisTestPtr MakeOverloadingTest(Session& session) {
  return std::make_unique<OverloadingTest>(session);
}

}  // namespace natkit::nat::behavior
