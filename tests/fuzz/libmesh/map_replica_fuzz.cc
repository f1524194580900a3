// Updates of a node's map, each a message after two bytes of length; an odd
// length gives the update the next place in the order, and no digest. What
// cannot be right leaves the map as it was; what is taken survives the disk,
// and the planner keeps up with it.

#include <cstdint>

#include "natkit/base/check.h"
#include "natkit/mesh/control/map_planner.h"
#include "natkit/mesh/control/map_replica.h"

namespace {

using namespace natkit;        // NOLINT(google-build-using-namespace)
using namespace natkit::mesh;  // NOLINT(google-build-using-namespace)

class Node {
 public:
  void Take(MapUpdate update, bool is_in_order) {
    if (is_in_order) {
      update.epoch = 1;
      update.sequence = ++sequence_;
      update.digest.reset();
    }
    sequence_ = update.sequence;
    const NetworkMap before = replica_.map();
    const auto applied = replica_.Apply(std::move(update));
    if (!applied || !applied->is_complete) {
      NATKIT_CHECK(replica_.map() == before);
      return;
    }
    CheckDisk();
    (void)planner_.Plan(replica_.map(), applied->changes, {});
  }

 private:
  void CheckDisk() const {
    const auto saved = replica_.Save();
    const auto loaded = MapReplica::Load(saved);
    NATKIT_CHECK(loaded.has_value());
    NATKIT_CHECK(loaded->map() == replica_.map());
    NATKIT_CHECK(loaded->Save() == saved);
  }

  MapReplica replica_{DigestKey{}};
  MapPlanner planner_;
  uint64_t sequence_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  (void)MapReplica::Load({data, size});
  Node node;
  ByteView rest(data, size);
  while (rest.size() > 2) {
    const size_t length = (size_t{rest[0]} << 8) | rest[1];
    const ByteView body =
        rest.subspan(2).first(std::min(length, rest.size() - 2));
    rest = rest.subspan(2 + body.size());
    auto message = DecodeMessage(body);
    if (!message) {
      continue;
    }
    if (auto* update = std::get_if<MapUpdate>(&*message)) {
      node.Take(std::move(*update), (length & 1) != 0);
    }
  }
  return 0;
}
