#include "natkit/base/encoding.h"

#include <sodium.h>

#include "natkit/base/secret.h"

namespace natkit {

std::string ToHex(ByteView bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const uint8_t byte : bytes) {
    text.push_back(kDigits[byte >> 4]);
    text.push_back(kDigits[byte & 15]);
  }
  return text;
}

Result<std::vector<uint8_t>> FromHex(std::string_view text) {
  std::vector<uint8_t> out(text.size() / 2);
  if (auto done = FromHexExact(text, out); !done) {
    return Fail(Errc::kBadEncoding);
  }
  return out;
}

Result<void> FromHexExact(std::string_view text, MutableBytes out) {
  if (text.size() != out.size() * 2) {
    WipeBytes(out);
    return Fail(Errc::kBadLength);
  }
  if (out.empty()) {
    return {};  // libsodium forbids the null pointer of an empty span
  }
  size_t written = 0;
  const char* end = nullptr;
  if (sodium_hex2bin(out.data(), out.size(), text.data(), text.size(), nullptr,
                     &written, &end) != 0 ||
      written != out.size() || end != text.data() + text.size()) {
    WipeBytes(out);
    return Fail(Errc::kBadEncoding);
  }
  return {};
}

std::string ToBase64(ByteView bytes) {
  constexpr int kVariant = sodium_base64_VARIANT_ORIGINAL;
  std::string text(sodium_base64_encoded_len(bytes.size(), kVariant), '\0');
  sodium_bin2base64(text.data(), text.size(), bytes.data(), bytes.size(),
                    kVariant);
  text.pop_back();  // the terminating NUL
  return text;
}

Result<void> FromBase64Exact(std::string_view text, MutableBytes out) {
  if (text.size() != (out.size() + 2) / 3 * 4) {
    WipeBytes(out);
    return Fail(Errc::kBadLength);
  }
  if (out.empty()) {
    return {};  // libsodium forbids the null pointer of an empty span
  }
  size_t written = 0;
  const char* end = nullptr;
  if (sodium_base642bin(out.data(), out.size(), text.data(), text.size(),
                        nullptr, &written, &end,
                        sodium_base64_VARIANT_ORIGINAL) != 0 ||
      written != out.size() || end != text.data() + text.size()) {
    WipeBytes(out);
    return Fail(Errc::kBadEncoding);
  }
  return {};
}

}  // namespace natkit
