#include "output_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace natkit::netsim::program {
namespace {

std::unexpected<std::string> Complain(const std::string& path, int error) {
  return std::unexpected("cannot write " + path + ": " +
                         std::generic_category().message(error));
}

}  // namespace

std::expected<void, std::string> CheckWritable(const std::string& path) {
  constexpr int kFlags = O_WRONLY | O_CLOEXEC | O_NONBLOCK;
  int descriptor = open(path.c_str(), kFlags);
  if (descriptor < 0 && errno == ENXIO) {
    return {};  // a pipe that nobody reads yet
  }
  const bool is_new = descriptor < 0 && errno == ENOENT;
  if (is_new) {
    descriptor = open(path.c_str(), kFlags | O_CREAT | O_EXCL, 0666);
  }
  if (descriptor < 0) {
    return Complain(path, errno);
  }
  close(descriptor);
  if (is_new) {
    unlink(path.c_str());
  }
  return {};
}

std::expected<void, std::string> WriteFile(const std::string& path,
                                           std::string_view text) {
  const int descriptor =
      open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor < 0) {
    return Complain(path, errno);
  }
  int error = 0;
  while (!text.empty() && error == 0) {
    const ssize_t written = write(descriptor, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<size_t>(written));
    } else if (errno != EINTR) {
      error = errno;
    }
  }
  if (close(descriptor) != 0 && error == 0) {
    error = errno;
  }
  if (error != 0) {
    return Complain(path, error);
  }
  return {};
}

}  // namespace natkit::netsim::program
