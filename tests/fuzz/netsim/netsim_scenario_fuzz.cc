#include <cstddef>
#include <cstdint>
#include <string>

#include "natkit/base/bytes.h"
#include "natkit/base/check.h"
#include "natkit/netsim/draw.h"
#include "natkit/netsim/plan.h"
#include "natkit/netsim/scenario.h"

namespace {

using natkit::netsim::Scenario;

/// What parses must survive being written and read, and every later step.
void CheckAccepted(const Scenario& scenario) {
  const auto again =
      natkit::netsim::ParseScenario(natkit::netsim::FormatScenario(scenario));
  NATKIT_CHECK(again.has_value());
  NATKIT_CHECK(*again == scenario);
  const natkit::netsim::Plan plan = natkit::netsim::MakePlan(
      scenario, [](size_t i) { return "/ns/" + std::to_string(i); });
  NATKIT_CHECK(plan.namespaces.size() ==
               natkit::netsim::CountNamespaces(scenario));
  for (size_t i = 1; i < plan.namespaces.size(); ++i) {
    NATKIT_CHECK(
        natkit::netsim::FindNamespace(scenario, plan.namespaces[i].name) == i);
  }
  NATKIT_CHECK(natkit::netsim::DrawSvg(scenario).ends_with("</svg>\n"));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto scenario = natkit::netsim::ParseScenario(
      natkit::AsText(natkit::ByteView(data, size)));
  if (scenario) {
    CheckAccepted(*scenario);
  } else {
    NATKIT_CHECK(!scenario.error().empty());
  }
  return 0;
}
