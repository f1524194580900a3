#include <string>
#include <string_view>

#include "natkit/mesh/node_event.h"

namespace natkit::mesh {

std::string_view PathKindName(PathKind kind) {
  switch (kind) {
    case PathKind::kNone:
      return "none";
    case PathKind::kRelay:
      return "relay";
    case PathKind::kDirect:
      return "direct";
  }
  return "none";
}

std::string DescribePath(const Path& path) {
  std::string text(PathKindName(path.kind));
  if (path.kind == PathKind::kRelay) {
    text += " " + path.relay;
  } else if (path.kind == PathKind::kDirect && path.remote) {
    text += " " + path.remote->ToString();
  }
  return text;
}

}  // namespace natkit::mesh
