#pragma once

#include <optional>
#include <string>
#include <vector>

#include "natkit/mesh/control/identity.h"
#include "natkit/mesh/registry/decision.h"
#include "natkit/mesh/registry/records.h"

namespace natkit::mesh {

/// A node that wants in, its proofs verified.
struct JoinRequest {
  NodeKeys keys;
  std::string auth_key;  ///< what it brings to be let in; empty: nothing
  std::string host_name;
  bool is_ephemeral = false;
  std::vector<std::string> tags;
  std::string software;
};

/// What was established of a node that wants in.
struct Admittance {
  Owner owner;               ///< nobody: who approves it says
  bool is_approved = false;  ///< else it waits for Registry::Approve()
  bool is_ephemeral = false;
  /// What the node's record remembers as auth_key_id.
  std::string credential_id;
  bool operator==(const Admittance&) const = default;
};

/// One way to establish who answers for a node that wants in.
///
/// The registry asks one after the other, and lets in by the first that
/// answers: those of Registry::AddAuthenticator(), then auth keys, and at last
/// an administrator's approval, for which everybody else waits. One that takes
/// time, such as a login in a browser, answers with an Admittance that is not
/// approved, and calls Registry::Approve() when it knows the owner.
class Authenticator {
 public:
  Authenticator() = default;
  virtual ~Authenticator() = default;
  Authenticator(const Authenticator&) = delete;
  Authenticator& operator=(const Authenticator&) = delete;

  /// nullopt: the request brings nothing for this one. A refusal ends the
  /// join. Changes nothing, for the join may still fail.
  [[nodiscard]] virtual std::optional<Decision<Admittance>> Authenticate(
      WallTime now, const JoinRequest& request) const = 0;

  /// `node` was registered or renewed by `admittance`; called before the
  /// Commit() that stores it.
  virtual void NoteUse(WallTime now, const Admittance& admittance,
                       const NodeRecord& node) = 0;
};

}  // namespace natkit::mesh
