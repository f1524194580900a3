// The nodes file: what is usable has names and addresses that are unique.

#include <cstdint>
#include <set>

#include "natkit/base/bytes.h"
#include "natkit/base/check.h"
#include "natkit/mesh/policy/nodes_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto result =
      natkit::mesh::policy::ParseNodesFile(natkit::AsText({data, size}));
  for (const auto& diagnostic : result.diagnostics) {
    NATKIT_CHECK(!diagnostic.text.empty());
  }
  if (!result.is_usable()) {
    return 0;
  }
  std::set<std::string> names;
  std::set<natkit::IpAddress> ips;
  for (const auto& node : result.nodes) {
    NATKIT_CHECK(!node.name.empty() && names.insert(node.name).second);
    for (const auto& ip : node.ips) {
      NATKIT_CHECK(ips.insert(ip).second);
    }
  }
  return 0;
}
