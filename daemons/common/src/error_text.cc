#include "natkit/shell/error_text.h"

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace natkit::shell {

std::string DescribeError(Errc code) {
  std::string name(ErrcName(code));
  std::ranges::replace(name, '_', ' ');
  return name;
}

std::string SystemError(const std::string& what) {
  const int error = errno;
  return what + ": " + std::generic_category().message(error);
}

}  // namespace natkit::shell
