#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "behavior/axis_tests.h"
#include "behavior/mapping_sample.h"

namespace natkit::nat::behavior {

Dependence MappingSample::Classify() const {
  if (at_a1p1 == at_a2p1 && at_a2p1 == at_a2p2) {
    return Dependence::kEndpointIndependent;
  }
  // Equal at A1:P1 and A2:P1 alone is a coincidence of random ports.
  return at_a2p1 == at_a2p2 ? Dependence::kAddressDependent
                            : Dependence::kAddressAndPortDependent;
}

Task<MappingSample> SampleMapping(Session& session, Axis axis) {
  MappingSample sample;
  Task<std::optional<Socket>> opening = session.lab().Open(0, 0);
  const std::optional<Socket> socket = co_await opening;
  if (!socket) {
    co_return sample;
  }
  sample.local = socket->local();
  const Targets targets = session.targets;
  Task<Exchange> first = session.Ask(axis, Lab::From(*socket, targets.a1p1));
  sample.at_a1p1 = (co_await first).mapped();
  if (targets.a2p1) {
    Task<Exchange> second =
        session.Ask(axis, Lab::From(*socket, *targets.a2p1));
    sample.at_a2p1 = (co_await second).mapped();
  }
  if (targets.a2p2) {
    Task<Exchange> third = session.Ask(axis, Lab::From(*socket, *targets.a2p2));
    sample.at_a2p2 = (co_await third).mapped();
  }
  if (sample.is_complete() &&
      sample.Classify() != Dependence::kEndpointIndependent) {
    Task<Exchange> again =
        session.AskNoting(axis, Lab::From(*socket, targets.a1p1), "control");
    sample.is_steady = (co_await again).mapped() == sample.at_a1p1;
  }
  co_return sample;
}

std::optional<Dependence> JudgeTwoServers(Session& session, Axis axis,
                                          const MappingSample& sample) {
  const std::string same = "two servers see one endpoint";
  if (!sample.at_a1p1 || !sample.at_a2p2) {
    session.DoNotKnow(axis, "a request was not answered");
    return std::nullopt;
  }
  if (sample.at_a1p1 != sample.at_a2p2) {
    session.DoNotKnow(axis,
                      "two servers see different endpoints; whether ports "
                      "matter needs a server with two addresses",
                      "dependent");
    return std::nullopt;
  }
  if (sample.at_a1p1 == sample.local) {
    session.Determine(axis, "none", same);
  } else {
    session.Determine(
        axis, std::string(DependenceName(Dependence::kEndpointIndependent)),
        same);
  }
  return Dependence::kEndpointIndependent;
}

namespace {

constexpr size_t kSamples = 4;
/// As long as one of them alone differs.
constexpr size_t kMoreSamples = 8;
/// Where ports are kept but addresses drawn, mappings are equal by chance.
constexpr size_t kSamplesOfPool = 12;
/// So many are no accident.
constexpr std::ptrdiff_t kEnough = 2;
/// So many mappings that change while they are looked at, end it.
constexpr size_t kMostUnsteady = 4;

/// RFC 5780 section 4.3, from several sockets.
class MappingTest final : public AxisTest {
 public:
  using AxisTest::AxisTest;

  Task<> Run() override;

 private:
  void Judge();
  [[nodiscard]] size_t WantedSamples();
  /// Two endpoints may be equal by chance, never differ by chance.
  [[nodiscard]] Dependence Strictest() const;
  [[nodiscard]] std::ptrdiff_t CountOf(Dependence dependence) const;
  [[nodiscard]] bool IsContradictory();
  [[nodiscard]] bool HasForeignAddress(const MappingSample& sample);

  std::vector<MappingSample> samples_;
  size_t unsteady_ = 0;  ///< samples that do not count
};

Task<> MappingTest::Run() {
  if (!targets().a2p2) {
    session().DoNotKnow(Axis::kMapping, "a second server address is needed");
    co_return;
  }
  while (samples_.size() < WantedSamples()) {
    Task<MappingSample> sampling = SampleMapping(session(), Axis::kMapping);
    samples_.push_back(co_await sampling);
    if (!samples_.back().is_steady && !targets().is_substitute) {
      samples_.pop_back();
      if (++unsteady_ == kMostUnsteady) {
        session().DoNotKnow(Axis::kMapping, "mappings change with time");
        co_return;
      }
      continue;
    }
    const MappingSample& sample = samples_.back();
    if (targets().is_substitute) {
      traits().mapping = JudgeTwoServers(session(), Axis::kMapping, sample);
      co_return;
    }
    if (!sample.is_complete()) {
      session().DoNotKnow(Axis::kMapping, "a request was not answered");
      co_return;
    }
  }
  Judge();
}

size_t MappingTest::WantedSamples() {
  if (session().HasPool()) {
    return kSamplesOfPool;
  }
  const bool is_odd = !samples_.empty() && CountOf(Strictest()) < kEnough;
  return is_odd ? kMoreSamples : kSamples;
}

Dependence MappingTest::Strictest() const {
  Dependence strictest = Dependence::kEndpointIndependent;
  for (const MappingSample& sample : samples_) {
    strictest = std::max(strictest, sample.Classify());
  }
  return strictest;
}

std::ptrdiff_t MappingTest::CountOf(Dependence dependence) const {
  return std::ranges::count(samples_, dependence, &MappingSample::Classify);
}

/// Ports drawn for each destination are not twice equal for all of them.
bool MappingTest::IsContradictory() {
  return !session().HasPool() &&
         Strictest() != Dependence::kEndpointIndependent &&
         CountOf(Dependence::kEndpointIndependent) >= kEnough;
}

void MappingTest::Judge() {
  if (std::ranges::all_of(samples_, &MappingSample::is_untranslated)) {
    traits().mapping = Dependence::kEndpointIndependent;
    session().Determine(Axis::kMapping, "none", "nothing is translated");
    return;
  }
  const Dependence found = Strictest();
  const std::string name(DependenceName(found));
  if (std::ranges::all_of(samples_, [this](const MappingSample& sample) {
        return HasForeignAddress(sample);
      })) {
    session().DoNotKnow(Axis::kMapping,
                        "the external address depends on the server's "
                        "address: another path, or a misconfigured server");
  } else if (IsContradictory()) {
    session().DoNotKnow(
        Axis::kMapping,
        std::to_string(CountOf(found)) + " of " +
            std::to_string(samples_.size()) + " sockets: " + name +
            "; others do not depend on the destination",
        std::string(DependenceName(Dependence::kEndpointIndependent)));
  } else if (CountOf(found) < kEnough) {
    session().DoNotKnow(Axis::kMapping, "the sockets do not agree", name);
  } else {
    traits().mapping = found;
    session().Determine(Axis::kMapping, name);
  }
}

/// A server whose second address is reached through something else sees
/// another address there, although this host has only one.
bool MappingTest::HasForeignAddress(const MappingSample& sample) {
  return !session().HasPool() &&
         sample.at_a1p1->address != sample.at_a2p1->address;
}

}  // namespace

AxisTestPtr MakeMappingTest(Session& session) {
  return std::make_unique<MappingTest>(session);
}

}  // namespace natkit::nat::behavior
