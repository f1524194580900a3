#include "natkit/nat/stun_credentials.h"

#include <utility>

#include "natkit/base/copy.h"

namespace natkit::stun {

namespace {

/// Wipes a text when it goes out of scope.
class TextWiper {
 public:
  explicit TextWiper(std::string& text) : text_(text) {}

  ~TextWiper() {
    WipeBytes({reinterpret_cast<uint8_t*>(text_.data()), text_.size()});
  }

  TextWiper(const TextWiper&) = delete;
  TextWiper& operator=(const TextWiper&) = delete;

 private:
  std::string& text_;
};

Result<std::string> PrepareUsername(std::string_view username) {
  auto prepared = PrepareOpaqueString(username);
  if (prepared && prepared->size() > kMaxUsernameSize) {
    return Fail(Errc::kBadLength);
  }
  return prepared;
}

}  // namespace

Result<Password> Password::Prepare(std::string_view text) {
  auto prepared = PrepareOpaqueString(text);
  if (!prepared) {
    return std::unexpected(prepared.error());
  }
  const TextWiper wiper(*prepared);
  if (prepared->size() > kMaxSize) {
    return Fail(Errc::kBadLength);
  }
  Password password;
  CopyBytes(AsBytes(*prepared), password.bytes_.ExposeMutable());
  password.size_ = prepared->size();
  return password;
}

Password Password::Clone() const {
  Password copy;
  copy.bytes_ = bytes_.Clone();
  copy.size_ = size_;
  return copy;
}

std::string_view Password::Expose() const {
  return AsText(ByteView(bytes_.Expose()).first(size_));
}

Result<ShortTermCredentials> ShortTermCredentials::Prepare(
    std::string_view username, std::string_view password) {
  auto name = PrepareUsername(username);
  if (!name) {
    return std::unexpected(name.error());
  }
  const auto secret = Password::Prepare(password);
  if (!secret) {
    return std::unexpected(secret.error());
  }
  auto key = IntegrityKey::ShortTerm(secret->Expose());
  if (!key) {
    return std::unexpected(key.error());
  }
  return ShortTermCredentials{.username = *std::move(name),
                              .key = *std::move(key)};
}

ShortTermCredentials ShortTermCredentials::Clone() const {
  return {.username = username, .key = key.Clone()};
}

Result<LongTermCredentials> LongTermCredentials::Prepare(
    std::string_view username, std::string_view password) {
  auto name = PrepareUsername(username);
  if (!name) {
    return std::unexpected(name.error());
  }
  auto secret = Password::Prepare(password);
  if (!secret) {
    return std::unexpected(secret.error());
  }
  return LongTermCredentials{.username = *std::move(name),
                             .password = *std::move(secret)};
}

LongTermCredentials LongTermCredentials::Clone() const {
  return {.username = username, .password = password.Clone()};
}

}  // namespace natkit::stun
