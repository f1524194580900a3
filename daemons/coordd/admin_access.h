#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "natkit/io/peer_credentials.h"
#include "natkit/shell/outcome.h"

namespace natkit::coordd {

/// Who may administer over the socket: root, the user that the server runs as,
/// and whom coordd.toml names.
class AdminAccess {
 public:
  /// Looks the names up; a number is an ID. The error names the one that this
  /// system does not have.
  [[nodiscard]] static shell::Outcome<AdminAccess> Resolve(
      const std::vector<std::string>& users,
      const std::vector<std::string>& groups);

  [[nodiscard]] bool Allows(const io::PeerCredentials& peer) const;

  /// Whether anybody but root and the server's own user may.
  [[nodiscard]] bool is_shared() const { return is_shared_; }

 private:
  std::set<uint32_t> users_;
  std::set<uint32_t> groups_;
  bool is_shared_ = false;
};

/// The caller as events name it: "unix:ann", or "unix:1000" without a name.
[[nodiscard]] std::string ActorOf(const io::PeerCredentials& peer);

}  // namespace natkit::coordd
