// resolv.conf as others write it: what we make of it asks us alone, and taking
// ours out again never leaves our server, nor nobody to ask.

#include <algorithm>
#include <cstdint>
#include <string>

#include "dns/resolv_conf.h"
#include "natkit/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace natkit;            // NOLINT(google-build-using-namespace)
  using namespace natkit::meshnode;  // NOLINT(google-build-using-namespace)
  const std::string_view text = AsText({data, size});
  const IpAddress server = IpAddress::V4(100, 64, 0, 1);
  const ResolvConf conf = ParseResolvConf(text);
  for (const Endpoint& resolver : ResolversOf(conf, {server})) {
    NATKIT_CHECK(resolver.address != server && resolver.port == 53);
  }
  const std::string ours = RenderResolvConf(
      {.interface = "mesh0", .servers = {server}, .search = {"m"}}, conf, "b");
  const ResolvConf parsed = ParseResolvConf(ours);
  NATKIT_CHECK(IsOurs(ours));
  NATKIT_CHECK(parsed.nameservers == std::vector<std::string>{"100.64.0.1"});
  NATKIT_CHECK(!parsed.search.empty() && parsed.search.front() == "m");
  NATKIT_CHECK(parsed.options == conf.options);

  for (const std::string& edited :
       {std::string(text) + "\n" + ours, ours + std::string(text)}) {
    const std::string left = WithoutOurs(edited, {server}, {});
    const auto after = ParseResolvConf(left).nameservers;
    NATKIT_CHECK(std::ranges::find(after, "100.64.0.1") == after.end());
  }
  const std::string back =
      WithoutOurs(ours, {server},
                  {.nameservers = {"192.0.2.1"}, .search = {}, .options = {}});
  NATKIT_CHECK(!IsOurs(back));
  NATKIT_CHECK(ParseResolvConf(back).nameservers ==
               std::vector<std::string>{"192.0.2.1"});
  return 0;
}
