#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/nat/stun_server.h"

namespace natkit::stunsrv {

/// How clients prove who they are (RFC 8489 section 9).
enum class CredentialKind : uint8_t { kNone, kShortTerm, kLongTerm };

/// Who may ask: what `users_file` says. Not to be changed once it is read, so
/// all threads share one.
///
/// A line is NAME:PASSWORD, or for long-term users NAME:0xHA1, where HA1 is the
/// MD5 (32 digits) or SHA-256 (64) of NAME:REALM:PASSWORD in hex; a name may
/// have a line for each. Empty lines and those that begin with '#' are skipped.
class Users {
 public:
  /// Reads the text of a file. The errors are "LINE: what is wrong" each, and
  /// quote neither name nor password.
  [[nodiscard]] static std::expected<Users, std::vector<std::string>> Parse(
      ByteView text, CredentialKind kind, std::string realm);

  /// As Parse(), for a file that only its owner can read. The errors name it.
  [[nodiscard]] static std::expected<Users, std::vector<std::string>> Load(
      const std::string& path, CredentialKind kind, std::string realm);

  /// Makes `config` that of a server that answers these users alone.
  void AddTo(stun::ServerConfig& config) const;

 private:
  friend class UsersParser;
  Users() = default;

  std::string realm_;
  std::vector<stun::ShortTermCredentials> short_term_;
  std::vector<stun::LongTermKeys> long_term_;
  std::vector<stun::attr::PasswordAlgorithmId> algorithms_;
};

}  // namespace natkit::stunsrv
