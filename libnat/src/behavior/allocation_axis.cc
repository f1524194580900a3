#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "behavior/axis_tests.h"
#include "behavior/port_pattern.h"

namespace natkit::nat::behavior {
namespace {

constexpr size_t kPairs = 8;
constexpr size_t kAnyPort = 16;
constexpr size_t kEnough = 24;
/// After each so many mappings a look at the first one.
constexpr size_t kWatchEach = 4;
/// The pairs are spread over all ports: a NAT may keep those of a range alone.
constexpr uint16_t kFirstPair = 2048;
constexpr uint16_t kPairDistance = 7800;

/// Opens a row of fresh mappings, one after the other: eight even ports, the
/// odd ones above them, and sixteen of the system's choice.
class AllocationTest final : public AxisTest {
 public:
  using AxisTest::AxisTest;

  Task<> Run() override;

 private:
  Task<> Sample(uint16_t port);
  /// Whether the first mapping is still what it was.
  Task<> WatchFirst();
  void Judge();
  void JudgePreservation();
  void JudgeParity();
  void JudgeContiguity();
  /// Whether one of the mappings has this external endpoint.
  [[nodiscard]] bool IsOurs(const Endpoint& mapped) const;
  void JudgePooling();
  /// If it was not known yet.
  void IsNapt(std::string reason);
  void JudgePattern();

  std::vector<Socket> sockets_;  // open until the end: their ports stay taken
  std::vector<PortSample> samples_;
  bool has_moved_ = false;  ///< the first mapping went to another address
};

Task<> AllocationTest::Run() {
  std::vector<uint16_t> ports;
  for (uint16_t i = 0; i < kPairs; ++i) {
    const auto offset =
        static_cast<uint16_t>(2 * lab().rng().Below(kPairDistance / 2));
    ports.push_back(
        static_cast<uint16_t>(kFirstPair + i * kPairDistance + offset));
  }
  for (size_t i = 0; i < kPairs; ++i) {
    ports.push_back(static_cast<uint16_t>(ports[i] + 1));
  }
  ports.resize(ports.size() + kAnyPort, 0);
  for (size_t i = 0; i < ports.size() && !lab().IsSilent(); ++i) {
    Task<> sampling = Sample(ports[i]);
    co_await sampling;
    if (i % kWatchEach == kWatchEach - 1) {
      Task<> watching = WatchFirst();
      co_await watching;
    }
  }
  Judge();
}

Task<> AllocationTest::Sample(uint16_t port) {
  Task<std::optional<Socket>> opening = lab().Open(0, port);
  std::optional<Socket> socket = co_await opening;
  if (!socket) {
    co_return;
  }
  Task<Exchange> asking =
      session().Ask(Axis::kAllocation, Lab::From(*socket, targets().a1p1));
  const std::optional<Endpoint> mapped = (co_await asking).mapped();
  if (mapped) {
    samples_.push_back({.local_port = socket->local().port, .mapped = *mapped});
  }
  sockets_.push_back(std::move(*socket));
}

Task<> AllocationTest::WatchFirst() {
  const auto socket = std::ranges::find(
      sockets_, samples_.empty() ? uint16_t{0} : samples_.front().local_port,
      [](const Socket& candidate) { return candidate.local().port; });
  if (socket == sockets_.end() || has_moved_) {
    co_return;
  }
  Task<Exchange> asking = lab().Transact(Lab::From(*socket, targets().a1p1));
  const std::optional<Endpoint> mapped = (co_await asking).mapped();
  has_moved_ = mapped && mapped->address != samples_.front().mapped.address;
}

void AllocationTest::Judge() {
  if (samples_.size() < kEnough) {
    for (const Axis axis : {Axis::kAllocation, Axis::kPreservation,
                            Axis::kParity, Axis::kContiguity, Axis::kPooling}) {
      session().DoNotKnow(axis, "only " + std::to_string(samples_.size()) +
                                    " mappings could be made");
    }
    return;
  }
  JudgePooling();
  JudgePattern();
  JudgePreservation();
  JudgeParity();
  JudgeContiguity();
}

void AllocationTest::JudgePooling() {
  std::set<IpAddress> seen;
  for (const PortSample& sample : samples_) {
    seen.insert(sample.mapped.address);
  }
  if (traits().translation == Translation::kNone) {
    session().NotApplicable(Axis::kPooling, "nothing is translated");
    return;
  }
  if (has_moved_ || (seen.size() == 1 && session().HasPool())) {
    session().DoNotKnow(Axis::kPooling, std::string(kAddressChanged));
    return;
  }
  if (seen.size() > 1) {
    traits().pooling = Pooling::kArbitrary;
    session().Determine(Axis::kPooling, "arbitrary",
                        std::to_string(seen.size()) + " external addresses");
    IsNapt("one host is given several external addresses");
    return;
  }
  traits().pooling = Pooling::kSingle;
  session().Determine(Axis::kPooling, "single", "as far as this host can see");
}

void AllocationTest::IsNapt(std::string reason) {
  if (!traits().translation) {
    traits().translation = Translation::kNapt;
    session().Determine(Axis::kTranslation, "napt", std::move(reason));
  }
}

void AllocationTest::JudgePattern() {
  const auto allocation = InferAllocation(samples_);
  if (!allocation) {
    session().DoNotKnow(Axis::kAllocation,
                        "some ports are kept, others not; or they rise, but "
                        "by no constant step");
    return;
  }
  traits().allocation = allocation;
  const std::string range = std::to_string(allocation->range.first) + "-" +
                            std::to_string(allocation->range.last);
  switch (allocation->pattern) {
    case AllocationPattern::kPreserved:
      session().Determine(Axis::kAllocation, "preserved");
      break;
    case AllocationPattern::kSequential:
      session().Determine(Axis::kAllocation,
                          "sequential " + std::to_string(allocation->step));
      break;
    case AllocationPattern::kBlock:
      session().Determine(Axis::kAllocation, "block " + range);
      break;
    case AllocationPattern::kRandom:
      session().Determine(Axis::kAllocation, "random " + range);
      break;
  }
}

void AllocationTest::JudgePreservation() {
  const auto kept = static_cast<size_t>(
      std::ranges::count_if(samples_, [](const PortSample& sample) {
        return sample.mapped.port == sample.local_port;
      }));
  const std::string counted = std::to_string(kept) + " of " +
                              std::to_string(samples_.size()) + " ports kept";
  if (kept < samples_.size()) {
    IsNapt("the address changes, and some ports do");
  }
  if (kept == samples_.size()) {
    session().Determine(Axis::kPreservation, "yes", counted);
  } else if (kept >= kMinKept) {
    session().Determine(Axis::kPreservation, "if-free", counted);
  } else if (kept <= 1) {
    session().Determine(Axis::kPreservation, "no", counted);
  } else {
    session().DoNotKnow(Axis::kPreservation, counted, "no");
  }
}

void AllocationTest::JudgeParity() {
  const bool is_kept =
      std::ranges::all_of(samples_, [](const PortSample& sample) {
        return sample.mapped.port % 2 == sample.local_port % 2;
      });
  report().keeps_parity = is_kept;
  session().Determine(Axis::kParity, is_kept ? "yes" : "no");
}

bool AllocationTest::IsOurs(const Endpoint& mapped) const {
  return std::ranges::find(samples_, mapped, &PortSample::mapped) !=
         samples_.end();
}

void AllocationTest::JudgeContiguity() {
  std::map<uint16_t, Endpoint> by_port;
  for (const PortSample& sample : samples_) {
    by_port.emplace(sample.local_port, sample.mapped);
  }
  // Then the port above is that of the mapping before.
  const bool counts_down =
      traits().allocation &&
      traits().allocation->pattern == AllocationPattern::kSequential &&
      traits().allocation->step == -1;
  size_t pairs = 0;
  size_t adjacent = 0;
  size_t divided = 0;
  for (const auto& [port, mapped] : by_port) {
    const auto next = by_port.find(static_cast<uint16_t>(port + 1));
    if (port % 2 != 0 || next == by_port.end()) {
      continue;
    }
    const Endpoint wanted{.address = mapped.address,
                          .port = static_cast<uint16_t>(mapped.port + 1)};
    const bool is_adjacent = next->second == wanted;
    if (!is_adjacent && (counts_down || IsOurs(wanted))) {
      continue;  // was not free
    }
    ++pairs;
    adjacent += is_adjacent ? 1 : 0;
    divided += next->second.address != mapped.address ? 1 : 0;
  }
  constexpr size_t kEnoughPairs = 4;
  if (pairs - divided < kEnoughPairs) {
    session().DoNotKnow(Axis::kContiguity,
                        divided > 0 ? "the pairs were given two addresses"
                                    : "the ports wanted were not free");
    return;
  }
  pairs -= divided;
  const std::string counted = std::to_string(adjacent) + " of " +
                              std::to_string(pairs) + " pairs stayed together";
  // The port above may have been taken, or may have been given by chance.
  if (adjacent > 0 && adjacent * 2 <= pairs) {
    session().DoNotKnow(Axis::kContiguity, counted);
    return;
  }
  report().keeps_contiguity = adjacent > 0;
  session().Determine(Axis::kContiguity, adjacent > 0 ? "yes" : "no", counted);
}

}  // namespace

AxisTestPtr MakeAllocationTest(Session& session) {
  return std::make_unique<AllocationTest>(session);
}

}  // namespace natkit::nat::behavior
