#include "natkit/mesh/policy/diagnostic.h"

namespace natkit::mesh::policy {

std::string ToString(const Diagnostic& diagnostic) {
  const char* severity =
      diagnostic.severity == Severity::kError ? "error: " : "warning: ";
  return std::to_string(diagnostic.at.line) + ":" +
         std::to_string(diagnostic.at.column) + ": " + severity +
         diagnostic.text;
}

}  // namespace natkit::mesh::policy
