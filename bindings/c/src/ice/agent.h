#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "natkit/base/rng.h"
#include "natkit/ice.h"
#include "natkit/nat/ice_agent.h"
#include "support/handle_table.h"

namespace natkit::c {

/// What a natkit_ice_agent stands for.
class IceAgent final : public Object {
 public:
  static constexpr HandleKind kKind = HandleKind::kIceAgent;

  IceAgent(ice::AgentConfig config, std::unique_ptr<Rng> rng)
      : rng_(std::move(rng)), core_(std::move(config), *rng_) {}

  [[nodiscard]] ice::Agent& core() { return core_; }

  /// The next datagram to send; it stays so until PopTransmit().
  [[nodiscard]] const ice::AgentTransmit* NextTransmit() {
    if (!transmit_) {
      transmit_ = core_.PollTransmit();
    }
    return transmit_ ? &*transmit_ : nullptr;
  }

  void PopTransmit() { transmit_.reset(); }

  [[nodiscard]] std::optional<Instant> NextTimeout() const {
    return transmit_ ? last_time() : core_.NextTimeout();
  }

 private:
  std::unique_ptr<Rng> rng_;
  ice::Agent core_;
  std::optional<ice::AgentTransmit> transmit_;
};

[[nodiscard]] natkit_ice_pair FromPair(const ice::SelectedPair& pair);
[[nodiscard]] natkit_ice_pair FromPath(const ice::PathInfo& path);

}  // namespace natkit::c
