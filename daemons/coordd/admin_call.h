#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <expected>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "natkit/io/background_work.h"
#include "natkit/mesh/coord/coordinator.h"
#include "natkit/mesh/registry/registry.h"
#include "natkit/mesh/registry/store.h"
#include "policy_keeper.h"

// The verbs of administration: one table, behind the Unix socket
// (admin_verbs.h) and behind the HTTPS API (api_service.h).

namespace natkit::coordd {

/// Longer, what is made had better be for good.
inline constexpr std::chrono::hours kMaxLifetime{3650 * 24};

/// What administrators act on.
struct AdminSubject {
  mesh::Registry& registry;
  mesh::Coordinator& coordinator;
  mesh::Store& store;
  std::string store_path;
  PolicyKeeper& policy;
  bool is_policy_in_file = false;  ///< [policy] file: not to be set here
  /// For what takes long: it must not hold up the streams of the nodes.
  io::BackgroundWork& work;
};

/// Why a verb was refused: what a program does about it.
enum class AdminFault : uint8_t {
  kInvalid,
  kNotFound,
  kConflict,
  kForbidden,
  kExhausted,
  kFailed,  ///< the server could not
};

struct AdminFailure {
  AdminFault fault = AdminFault::kInvalid;
  std::string text;  ///< for people; may have several lines
};

using AdminReply = std::expected<nlohmann::json, AdminFailure>;
/// Takes a reply. Nothing that it tells of is durable before Settle().
using AdminDone = std::function<void(AdminReply reply)>;

struct AdminRequest {
  std::string verb;
  nlohmann::json arguments = nlohmann::json::object();
  std::string actor;  ///< for the event log
  mesh::ServerTime time;
  /// What the caller may do, and so give to others; nullopt: everything.
  std::optional<std::set<std::string>> scopes;
};

/// Ends a verb; never leaves the verbs.
struct AdminError : std::runtime_error {
  AdminError(AdminFault why, const std::string& text)
      : std::runtime_error(text), fault(why) {}

  AdminFault fault;
};

/// A verb under way: its arguments, read with complaints in words.
struct Call {
  AdminSubject& subject;
  const AdminRequest& request;

  [[nodiscard]] mesh::Registry& registry() const { return subject.registry; }

  [[nodiscard]] mesh::WallTime now() const { return request.time.wall; }

  [[nodiscard]] const std::string& actor() const { return request.actor; }

  [[nodiscard]] std::string Text(const char* name) const;
  [[nodiscard]] mesh::NodeId Node() const;
  [[nodiscard]] std::vector<std::string> List(const char* name) const;
  /// "user" or "tags".
  [[nodiscard]] mesh::Owner Owner() const;
  /// At most kMaxLifetime; 0 is for good.
  [[nodiscard]] std::optional<std::chrono::seconds> Lifetime() const;

  template <class T>
  [[nodiscard]] T Value(const char* name, const T& otherwise) const {
    static_assert(std::is_same_v<T, bool> || !std::is_arithmetic_v<T>,
                  "Number() refuses what does not fit");
    return request.arguments.value(name, otherwise);
  }

  /// A whole number; one that T cannot hold is refused.
  template <std::unsigned_integral T>
  [[nodiscard]] std::optional<T> Number(const char* name) const {
    const auto number = NumberUpTo(std::numeric_limits<T>::max(), name);
    return number ? std::optional(static_cast<T>(*number)) : std::nullopt;
  }

  [[nodiscard]] std::optional<uint64_t> NumberUpTo(uint64_t most,
                                                   const char* name) const;
};

[[nodiscard]] AdminFault FaultOf(mesh::RefusalKind kind);

template <class T>
T OrThrow(mesh::Decision<T> decision) {
  if (!decision) {
    throw AdminError(FaultOf(decision.error().kind), decision.error().text);
  }
  if constexpr (!std::is_void_v<T>) {
    return *std::move(decision);
  }
}

/// What a verb without a result yields.
[[nodiscard]] nlohmann::json Done();

/// One verb. `run` yields its result at once; `start` does so later.
struct AdminVerb {
  std::string_view name;
  std::string_view scope;  ///< what a token needs: "nodes:read"
  nlohmann::json (*run)(const Call& call) = nullptr;
  void (*start)(const Call& call, AdminDone done) = nullptr;
};

// The table, in parts.
[[nodiscard]] std::span<const AdminVerb> NodeVerbs();
[[nodiscard]] std::span<const AdminVerb> KeyVerbs();
[[nodiscard]] std::span<const AdminVerb> MeshVerbs();
[[nodiscard]] std::span<const AdminVerb> PolicyVerbs();

/// nullptr: there is none of that name.
[[nodiscard]] const AdminVerb* FindAdminVerb(std::string_view name);

/// All scopes that a token may have, "all" included.
[[nodiscard]] std::set<std::string> AdminScopes();

/// Whether scopes include `scope`; nullopt and "all" include every one.
[[nodiscard]] bool HasScope(const std::optional<std::set<std::string>>& scopes,
                            std::string_view scope);

/// Does what a request asks for and calls `done` once, now or later. Never
/// throws.
void RunAdminVerb(AdminSubject& subject, const AdminRequest& request,
                  AdminDone done);

}  // namespace natkit::coordd
