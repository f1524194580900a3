#include "natkit/nat/ice_credentials.h"

#include <array>
#include <utility>

#include "natkit/base/secret.h"
#include "natkit/nat/ice_candidate.h"

namespace natkit::ice {
namespace {

constexpr std::string_view kIceChars =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Six random bits a character.
void FillWithIceChars(Rng& rng, MutableBytes out) {
  rng.Fill(out);
  for (uint8_t& c : out) {
    c = static_cast<uint8_t>(kIceChars[c % kIceChars.size()]);
  }
}

}  // namespace

Password::Password(std::string_view text)
    : bytes_(AsBytes(text).begin(), AsBytes(text).end()) {}

Password& Password::operator=(const Password& other) {
  if (this != &other) {
    WipeBytes(bytes_);
    bytes_ = other.bytes_;
  }
  return *this;
}

Password::Password(Password&& other) noexcept
    : bytes_(std::exchange(other.bytes_, {})) {}

Password& Password::operator=(Password&& other) noexcept {
  if (this != &other) {
    WipeBytes(bytes_);
    bytes_ = std::exchange(other.bytes_, {});
  }
  return *this;
}

Password::~Password() {
  WipeBytes(bytes_);
}

bool Password::EqualsConstantTime(const Password& other) const {
  return natkit::EqualsConstantTime(bytes_, other.bytes_);
}

std::string_view Password::Expose() const {
  return AsText(bytes_);
}

Credentials MakeCredentials(Rng& rng) {
  std::array<uint8_t, 8> ufrag{};
  std::array<uint8_t, 24> password{};
  FillWithIceChars(rng, ufrag);
  FillWithIceChars(rng, password);
  Credentials out{.ufrag = std::string(AsText(ufrag)),
                  .password = Password(AsText(password))};
  WipeBytes(password);
  return out;
}

Result<void> CheckCredentials(const Credentials& credentials) {
  const std::string_view password = credentials.password.Expose();
  if (credentials.ufrag.size() < kMinUfrag ||
      !IsIceText(credentials.ufrag, kMaxUfrag) ||
      password.size() < kMinPassword || !IsIceText(password, kMaxPassword)) {
    return Fail(Errc::kBadCredentials);
  }
  return {};
}

}  // namespace natkit::ice
