// The inventory parser: whatever comes in, every finding has a text, and a file
// that is usable keeps the promises the node engine relies on.

#include <cstdint>
#include <set>

#include "natkit/base/check.h"
#include "natkit/mesh/mesh_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto result =
      natkit::mesh::ParseMeshFile(natkit::AsText({data, size}));
  for (const auto& diagnostic : result.diagnostics) {
    NATKIT_CHECK(!diagnostic.text.empty());
  }
  if (!result.is_usable()) {
    return 0;
  }
  std::set<natkit::PublicKey> keys;
  for (const auto& node : result.file.nodes) {
    NATKIT_CHECK(!node.name.empty() && !node.addresses.empty());
    NATKIT_CHECK(!node.public_key.is_zero());
    NATKIT_CHECK(keys.insert(node.public_key).second);
    NATKIT_CHECK(result.file.FindNode(node.name) == &node);
  }
  return 0;
}
