#include "users.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <utility>

#include "natkit/base/encoding.h"
#include "natkit/base/secret.h"
#include "natkit/nat/stun_credentials.h"
#include "natkit/shell/files.h"

namespace natkit::stunsrv {

namespace {

using stun::IntegrityKey;
using stun::attr::PasswordAlgorithmId;

constexpr std::string_view kHashMark = "0x";

std::optional<IntegrityKey> CloneOf(const std::optional<IntegrityKey>& key) {
  return key ? std::optional(key->Clone()) : std::nullopt;
}

}  // namespace

/// Reads the lines of one file; gathers everything that is wrong.
class UsersParser {
 public:
  UsersParser(CredentialKind kind, std::string realm)
      : kind_(kind), realm_(std::move(realm)) {}

  std::expected<Users, std::vector<std::string>> Parse(std::string_view text);

 private:
  void Complain(std::string_view text) {
    errors_.push_back(std::to_string(line_) + ": " + std::string(text));
  }

  void ParseLine(std::string_view line);
  void AddShortTerm(std::string_view name, std::string_view password);
  void AddHashed(std::string_view name, std::string_view digits);
  void AddPassword(std::string_view name, std::string_view password);
  void AddKey(const std::string& name,
              std::optional<IntegrityKey> stun::LongTermKeys::* slot,
              IntegrityKey key);
  void ChooseAlgorithms();

  CredentialKind kind_;
  std::string realm_;
  size_t line_ = 0;
  std::map<std::string, stun::ShortTermCredentials, std::less<>> short_term_;
  std::map<std::string, stun::LongTermKeys, std::less<>> long_term_;
  Users out_;
  std::vector<std::string> errors_;
};

std::expected<Users, std::vector<std::string>> UsersParser::Parse(
    std::string_view text) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    ++line_;
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) {
      line.remove_suffix(1);
    }
    ParseLine(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (errors_.empty() && short_term_.empty() && long_term_.empty()) {
    Complain("there are no users");
  }
  ChooseAlgorithms();
  if (!errors_.empty()) {
    return std::unexpected(std::move(errors_));
  }
  out_.realm_ = std::move(realm_);
  for (auto& [name, user] : short_term_) {
    out_.short_term_.push_back(std::move(user));
  }
  for (auto& [name, user] : long_term_) {
    out_.long_term_.push_back(std::move(user));
  }
  return std::move(out_);
}

void UsersParser::ParseLine(std::string_view line) {
  if (line.empty() || line.starts_with('#')) {
    return;
  }
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) {
    Complain("NAME:PASSWORD or NAME:0xHA1 is expected");
    return;
  }
  const std::string_view name = line.substr(0, colon);
  const std::string_view secret = line.substr(colon + 1);
  if (kind_ == CredentialKind::kShortTerm) {
    AddShortTerm(name, secret);
  } else if (secret.starts_with(kHashMark)) {
    AddHashed(name, secret.substr(kHashMark.size()));
  } else {
    AddPassword(name, secret);
  }
}

void UsersParser::AddShortTerm(std::string_view name,
                               std::string_view password) {
  auto user = stun::ShortTermCredentials::Prepare(name, password);
  if (!user) {
    Complain("the name or the password cannot be used");
    return;
  }
  std::string key = user->username;
  if (!short_term_.try_emplace(std::move(key), *std::move(user)).second) {
    Complain("this user is there already");
  }
}

void UsersParser::AddHashed(std::string_view name, std::string_view digits) {
  const auto prepared = stun::PrepareOpaqueString(name);
  auto bytes = FromHex(digits);
  auto key = bytes ? IntegrityKey::FromHa1(*bytes)
                   : Result<IntegrityKey>(std::unexpected(bytes.error()));
  if (!key) {
    Complain("after 0x, 32 hex digits (MD5) or 64 (SHA-256) are expected");
    return;
  }
  const bool is_md5 = bytes->size() == 16;
  WipeBytes(*bytes);
  if (!prepared || prepared->size() > stun::kMaxUsernameSize) {
    Complain("the name cannot be used");
    return;
  }
  AddKey(*prepared,
         is_md5 ? &stun::LongTermKeys::md5 : &stun::LongTermKeys::sha256,
         *std::move(key));
}

void UsersParser::AddPassword(std::string_view name,
                              std::string_view password) {
  const auto user = stun::LongTermCredentials::Prepare(name, password);
  if (!user) {
    Complain("the name or the password cannot be used");
    return;
  }
  const std::string_view text = user->password.Expose();
  AddKey(user->username, &stun::LongTermKeys::md5,
         IntegrityKey::LongTermMd5(user->username, realm_, text));
  AddKey(user->username, &stun::LongTermKeys::sha256,
         IntegrityKey::LongTermSha256(user->username, realm_, text));
}

void UsersParser::AddKey(const std::string& name,
                         std::optional<IntegrityKey> stun::LongTermKeys::* slot,
                         IntegrityKey key) {
  stun::LongTermKeys& user =
      long_term_
          .try_emplace(name, stun::LongTermKeys{.username = name,
                                                .md5 = std::nullopt,
                                                .sha256 = std::nullopt})
          .first->second;
  if (user.*slot) {
    Complain("this user is there already");
    return;
  }
  user.*slot = std::move(key);
}

/// Offered is what all users can do.
void UsersParser::ChooseAlgorithms() {
  const auto all_have = [&](auto slot) {
    return std::ranges::all_of(long_term_, [&](const auto& user) {
      return (user.second.*slot).has_value();
    });
  };
  if (all_have(&stun::LongTermKeys::sha256)) {
    out_.algorithms_.push_back(PasswordAlgorithmId::kSha256);
  }
  if (all_have(&stun::LongTermKeys::md5)) {
    out_.algorithms_.push_back(PasswordAlgorithmId::kMd5);
  }
  if (out_.algorithms_.empty()) {
    Complain("some users have only MD5 and some only SHA-256");
  }
}

std::expected<Users, std::vector<std::string>> Users::Parse(ByteView text,
                                                            CredentialKind kind,
                                                            std::string realm) {
  return UsersParser(kind, std::move(realm)).Parse(AsText(text));
}

std::expected<Users, std::vector<std::string>> Users::Load(
    const std::string& path, CredentialKind kind, std::string realm) {
  const auto file = shell::ReadSecretFile(path);
  if (!file) {
    return std::unexpected(std::vector{file.error()});
  }
  auto users = Parse(file->Expose(), kind, std::move(realm));
  if (!users) {
    for (std::string& error : users.error()) {
      error.insert(0, path + ":");
    }
  }
  return users;
}

void Users::AddTo(stun::ServerConfig& config) const {
  for (const stun::ShortTermCredentials& user : short_term_) {
    config.credentials.push_back(user.Clone());
  }
  if (long_term_.empty()) {
    return;
  }
  config.long_term.emplace();
  config.long_term->realm = realm_;
  config.long_term->algorithms = algorithms_;
  for (const stun::LongTermKeys& user : long_term_) {
    config.long_term->keyed_users.push_back({.username = user.username,
                                             .md5 = CloneOf(user.md5),
                                             .sha256 = CloneOf(user.sha256)});
  }
}

}  // namespace natkit::stunsrv
