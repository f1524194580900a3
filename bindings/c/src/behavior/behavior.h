#pragma once

#include <memory>
#include <optional>

#include "natkit/base/result.h"
#include "natkit/base/rng.h"
#include "natkit/base/time.h"
#include "natkit/behavior.h"
#include "natkit/nat/behavior_discovery.h"
#include "support/handle_table.h"

namespace natkit::c {

/// What is behind a natkit_behavior.
class Behavior final : public Object {
 public:
  static constexpr HandleKind kKind = HandleKind::kBehavior;

  Behavior(nat::BehaviorConfig config, std::unique_ptr<Rng> rng);

  /// Errors: kInvalidState (not the first call of Start() or Abort()).
  [[nodiscard]] Result<void> Start(Instant now);
  void Abort(Instant now);

  /// The next action, which stays until DropAction().
  [[nodiscard]] const std::optional<nat::BehaviorAction>& PeekAction();

  void DropAction() { action_.reset(); }

  [[nodiscard]] std::optional<Instant> NextTimeout() const;

  [[nodiscard]] nat::BehaviorDiscovery& core() { return core_; }

 private:
  std::unique_ptr<Rng> rng_;
  nat::BehaviorDiscovery core_;
  std::optional<nat::BehaviorAction> action_;
  bool is_begun_ = false;  ///< or never will be
  bool is_aborted_ = false;
};

/// What a caller wants of a discovery. Errors: kBadArgument.
[[nodiscard]] Result<nat::BehaviorConfig> ToBehaviorConfig(
    const natkit_behavior_config& given);

}  // namespace natkit::c
