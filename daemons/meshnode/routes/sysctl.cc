#include "routes/sysctl.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "dns/resolv_file.h"
#include "natkit/io/unique_fd.h"
#include "natkit/shell/error_text.h"

namespace natkit::meshnode {
namespace {

constexpr const char* kForwardV4 = "net/ipv4/ip_forward";
constexpr const char* kForwardV6 = "net/ipv6/conf/all/forwarding";
constexpr const char* kConfV6 = "net/ipv6/conf";

std::string Dotted(std::string name) {
  std::ranges::replace(name, '/', '.');
  return name;
}

/// accept_ra 1 is "unless the host forwards", 2 is "always".
void AddAdvertisements(const std::string& root,
                       std::vector<Sysctls::value_type>& out) {
  std::error_code error;
  for (const auto& entry :
       std::filesystem::directory_iterator(root + "/" + kConfV6, error)) {
    const std::string name = std::string(kConfV6) + "/" +
                             entry.path().filename().string() + "/accept_ra";
    if (ReadSysctl(root, name) == "1") {
      out.emplace_back(name, "2");
    }
  }
}

}  // namespace

std::optional<std::string> ReadSysctl(const std::string& root,
                                      const std::string& name) {
  auto text = ReadText(root + "/" + name);
  if (text && text->ends_with('\n')) {
    text->pop_back();
  }
  return text;
}

shell::Outcome<void> WriteSysctl(const std::string& root,
                                 const std::string& name,
                                 const std::string& value) {
  const io::UniqueFd fd(
      ::open((root + "/" + name).c_str(), O_WRONLY | O_CLOEXEC | O_TRUNC));
  if (!fd.is_valid() || ::write(fd.get(), value.data(), value.size()) !=
                            static_cast<ssize_t>(value.size())) {
    return std::unexpected(
        shell::SystemError("cannot set " + Dotted(name) + " to " + value));
  }
  return {};
}

std::vector<Sysctls::value_type> ForwardingChanges(
    const std::string& root, const routing::Forwarding& wanted) {
  std::vector<Sysctls::value_type> out;
  if (wanted.ipv4 && ReadSysctl(root, kForwardV4) == "0") {
    out.emplace_back(kForwardV4, "1");
  }
  if (wanted.ipv6 && ReadSysctl(root, kForwardV6) == "0") {
    AddAdvertisements(root, out);
    out.emplace_back(kForwardV6, "1");
  }
  return out;
}

std::optional<std::string> ForwardingTrouble(
    const std::string& root, const routing::Forwarding& wanted) {
  std::string missing;
  for (const auto& [name, value] : ForwardingChanges(root, wanted)) {
    if (name == kForwardV4 || name == kForwardV6) {
      missing += (missing.empty() ? "" : " and ") + Dotted(name) + "=1";
    }
  }
  if (missing.empty()) {
    return std::nullopt;
  }
  return "IP forwarding is off, so the advertised routes lead nowhere: set " +
         missing + " (sysctl -w), or start with --enable-forwarding";
}

}  // namespace natkit::meshnode
