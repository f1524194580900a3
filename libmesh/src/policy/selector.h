#pragma once

#include <expected>
#include <initializer_list>
#include <string>
#include <string_view>

#include "natkit/mesh/policy/policy.h"

namespace natkit::mesh::policy {

/// Where in the file a name stands: each place allows other kinds.
enum class Place : uint8_t {
  kSource,
  kDestination,
  kSshSource,
  kSshDestination,
  kTestHost,
  kTagOwner,
  kApprover,
  kAttrTarget
};

/// The kind of a name by its form alone; what is no other kind is taken for an
/// alias. The error is a sentence for the writer of the file.
[[nodiscard]] std::expected<Selector, std::string> ParseSelector(
    std::string_view text);

/// Whether names of this kind may stand there.
[[nodiscard]] bool IsAllowed(SelectorKind kind, Place place);
/// "a source is *, a user, ...": for messages.
[[nodiscard]] std::string_view Describe(Place place);

/// A login: text with an '@' that is not its first character.
[[nodiscard]] bool IsUser(std::string_view text);
/// Whether `name` may follow "tag:" in a policy file.
[[nodiscard]] bool IsTagName(std::string_view name);
/// Whether `name` may follow "group:" or "ipset:" or be an alias.
[[nodiscard]] bool IsPlainName(std::string_view name);
/// A login as it is compared: without a last '@'.
[[nodiscard]] std::string NormalUser(std::string_view login);

}  // namespace natkit::mesh::policy
