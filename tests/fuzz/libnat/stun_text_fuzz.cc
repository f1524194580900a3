// What people write: URIs of servers, names and passwords. What is accepted is
// in its final form: taken apart and put together it is the same again.

#include <cstddef>
#include <cstdint>
#include <string>

#include "natkit/base/check.h"
#include "natkit/nat/stun_credentials.h"
#include "natkit/nat/stun_uri.h"

namespace natkit::stun {
namespace {

std::string Format(const ServerUri& uri) {
  std::string text = uri.security == UriSecurity::kSecure ? "stuns:" : "stun:";
  if (!uri.address) {
    text += uri.host;
  } else if (uri.address->is_v6()) {
    text += "[" + uri.address->ToString() + "]";
  } else {
    text += uri.address->ToString();
  }
  return uri.port ? text + ":" + std::to_string(*uri.port) : text;
}

void CheckUri(std::string_view text) {
  const auto uri = ParseServerUri(text);
  if (!uri) {
    return;
  }
  NATKIT_CHECK(uri->address.has_value() == uri->host.empty());
  NATKIT_CHECK(!uri->address || uri->security == UriSecurity::kPlain);
  NATKIT_CHECK(uri->port_or_default() != 0);
  NATKIT_CHECK(ParseServerUri(Format(*uri)) == uri);
}

void CheckText(std::string_view text) {
  const auto prepared = PrepareOpaqueString(text);
  if (!prepared) {
    NATKIT_CHECK(prepared.error().offset < text.size() || text.empty());
    return;
  }
  NATKIT_CHECK(!prepared->empty() && prepared->size() <= text.size());
  NATKIT_CHECK(PrepareOpaqueString(*prepared) == prepared);
}

}  // namespace
}  // namespace natkit::stun

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto text = natkit::AsText({data, size});
  natkit::stun::CheckUri(text);
  natkit::stun::CheckText(text);
  return 0;
}
