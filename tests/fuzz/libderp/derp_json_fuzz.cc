// Login JSON that parses rebuilds to JSON that parses to the same value.

#include <cstdint>
#include <string>

#include "natkit/base/check.h"
#include "natkit/derp/login_info.h"

using namespace natkit;
using namespace natkit::derp;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteView json{data, size};
  if (const auto info = ParseClientInfo(json)) {
    const std::string text = ToJson(*info);
    const auto again = ParseClientInfo(AsBytes(text));
    NATKIT_CHECK(again && again->version == info->version &&
                 again->can_ack_pings == info->can_ack_pings &&
                 again->is_prober == info->is_prober &&
                 again->app_name == info->app_name &&
                 again->mesh_key.has_value() == info->mesh_key.has_value());
    NATKIT_CHECK(!info->mesh_key ||
                 info->mesh_key->EqualsConstantTime(*again->mesh_key));
  }
  if (const auto info = ParseServerInfo(json)) {
    const std::string text = ToJson(*info);
    NATKIT_CHECK(ParseServerInfo(AsBytes(text)) == info);
  }
  return 0;
}
