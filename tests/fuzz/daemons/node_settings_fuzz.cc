// The settings file of a node: what is accepted is written and read back as the
// same, and says what it says when it is in force.

#include <cstdint>

#include "join/node_settings.h"
#include "natkit/base/bytes.h"
#include "natkit/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace natkit;            // NOLINT(google-build-using-namespace)
  using namespace natkit::meshnode;  // NOLINT(google-build-using-namespace)
  const auto settings = NodeSettings::Parse(AsText({data, size}));
  if (!settings) {
    NATKIT_CHECK(!settings.error().empty());
    return 0;
  }
  const auto again = NodeSettings::Parse(settings->Format());
  NATKIT_CHECK(again && again->values() == settings->values());

  JoinOptions options;
  settings->ApplyTo(options);
  const NodeSettings::Values in_force = SettingsOf(options);
  NodeSettings told;
  for (const auto& [key, value] : settings->values()) {
    NATKIT_CHECK(in_force.contains(key));
  }
  for (const auto& [key, value] : in_force) {
    NATKIT_CHECK(told.Set(key, value).has_value());
  }
  JoinOptions same;
  told.ApplyTo(same);
  NATKIT_CHECK(SettingsOf(same) == in_force);
  return 0;
}
