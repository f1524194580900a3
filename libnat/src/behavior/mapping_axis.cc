#include <algorithm>
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
  co_return sample;
}

namespace {

constexpr size_t kSamples = 2;
constexpr size_t kSamplesOfPool = 12;

/// Two endpoints may be equal by chance, never differ by chance.
Dependence Strictest(const std::vector<MappingSample>& samples) {
  Dependence strictest = Dependence::kEndpointIndependent;
  for (const MappingSample& sample : samples) {
    strictest = std::max(strictest, sample.Classify());
  }
  return strictest;
}

/// RFC 5780 section 4.3, from two sockets, or three if they disagree.
class MappingTest final : public AxisTest {
 public:
  using AxisTest::AxisTest;

  Task<> Run() override;

 private:
  void Judge(const std::vector<MappingSample>& samples);
  void JudgeSubstitute(const MappingSample& sample);
  [[nodiscard]] size_t WantedSamples();
  [[nodiscard]] bool HasForeignAddress(const MappingSample& sample);
};

Task<> MappingTest::Run() {
  if (!targets().a2p2) {
    session().DoNotKnow(Axis::kMapping, "a second server address is needed");
    co_return;
  }
  std::vector<MappingSample> samples;
  const size_t wanted = WantedSamples();
  while (samples.size() < wanted ||
         (samples.size() == kSamples && samples[0].is_complete() &&
          samples[1].is_complete() &&
          samples[0].Classify() != samples[1].Classify())) {
    Task<MappingSample> sampling = SampleMapping(session(), Axis::kMapping);
    samples.push_back(co_await sampling);
  }
  if (targets().is_substitute) {
    JudgeSubstitute(samples[0]);
  } else {
    Judge(samples);
  }
}

size_t MappingTest::WantedSamples() {
  if (targets().is_substitute) {
    return 1;
  }
  // Where ports are kept but addresses drawn, mappings are equal by chance.
  return traits().pooling == Pooling::kArbitrary ? kSamplesOfPool : kSamples;
}

void MappingTest::Judge(const std::vector<MappingSample>& samples) {
  if (!std::ranges::all_of(samples, &MappingSample::is_complete)) {
    session().DoNotKnow(Axis::kMapping, "a request was not answered");
    return;
  }
  if (std::ranges::all_of(samples, &MappingSample::is_untranslated)) {
    traits().mapping = Dependence::kEndpointIndependent;
    session().Determine(Axis::kMapping, "none", "nothing is translated");
    return;
  }
  const Dependence found = traits().pooling == Pooling::kArbitrary
                               ? Strictest(samples)
                               : samples.back().Classify();
  if (std::ranges::count(samples, found, &MappingSample::Classify) < 2) {
    session().DoNotKnow(Axis::kMapping, "the sockets do not agree");
    return;
  }
  if (std::ranges::all_of(samples, [this](const MappingSample& sample) {
        return HasForeignAddress(sample);
      })) {
    session().DoNotKnow(Axis::kMapping,
                        "the external address depends on the server's "
                        "address: another path, or a misconfigured server");
    return;
  }
  traits().mapping = found;
  session().Determine(Axis::kMapping, std::string(DependenceName(found)));
}

/// A server whose second address is reached through something else sees
/// another address there, although this host has only one.
bool MappingTest::HasForeignAddress(const MappingSample& sample) {
  return traits().pooling != Pooling::kArbitrary &&
         sample.at_a1p1->address != sample.at_a2p1->address;
}

void MappingTest::JudgeSubstitute(const MappingSample& sample) {
  if (!sample.at_a1p1 || !sample.at_a2p2) {
    session().DoNotKnow(Axis::kMapping, "a request was not answered");
  } else if (sample.at_a1p1 == sample.local) {
    traits().mapping = Dependence::kEndpointIndependent;
    session().Determine(Axis::kMapping, "none", "nothing is translated");
  } else if (sample.at_a1p1 == sample.at_a2p2) {
    traits().mapping = Dependence::kEndpointIndependent;
    session().Determine(Axis::kMapping,
                        std::string(DependenceName(*traits().mapping)),
                        "two servers see one endpoint");
  } else {
    session().DoNotKnow(Axis::kMapping,
                        "two servers see different endpoints; whether ports "
                        "matter needs a server with two addresses",
                        "dependent");
  }
}

}  // namespace

AxisTestPtr MakeMappingTest(Session& session) {
  return std::make_unique<MappingTest>(session);
}

}  // namespace natkit::nat::behavior
