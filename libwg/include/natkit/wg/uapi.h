#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "natkit/base/result.h"
#include "natkit/wg/device.h"

namespace natkit::wg {

/// Text that holds keys: move-only, wiped when it dies.
class SecretText {
 public:
  explicit SecretText(std::string text) : text_(std::move(text)) {}

  SecretText(SecretText&& other) noexcept;
  SecretText& operator=(SecretText&& other) noexcept;
  SecretText(const SecretText&) = delete;
  SecretText& operator=(const SecretText&) = delete;
  ~SecretText();

  [[nodiscard]] std::string_view Expose() const { return text_; }

 private:
  std::string text_;
};

/// Parses a `set=1` operation of WireGuard's cross-platform configuration
/// protocol: `key=value` lines, hex keys; the `set=1` line and the empty line
/// that ends the operation are optional. Nothing is applied. `text` holds keys:
/// wiping it is up to the caller, copies made here are wiped.
/// Errors: kBadConfig with the byte offset of the line.
[[nodiscard]] Result<DeviceUpdate> ParseSet(std::string_view text);

/// The answer to `get=1`: device and peers as `key=value` lines with keys in
/// hex, then `errno=0` and an empty line.
[[nodiscard]] SecretText FormatGet(const Device& device);

/// The answer to a `set=1`: "errno=N\n\n", 0 or a negated POSIX number, which
/// is what the `wg` tool takes for an error's name.
[[nodiscard]] std::string FormatSetResult(const Result<void>& result);

/// Serves one whole operation (`set=1` or `get=1`): parses `request`, wipes it,
/// applies it, returns the answer to write back.
[[nodiscard]] SecretText HandleUapiRequest(Instant now, Device& device,
                                           std::string& request);

}  // namespace natkit::wg
