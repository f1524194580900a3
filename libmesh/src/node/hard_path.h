#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/rng.h"
#include "natkit/base/time.h"
#include "natkit/mesh/mesh_file.h"
#include "natkit/mesh/node_event.h"
#include "natkit/nat/hard_punch.h"
#include "natkit/nat/punch_backoff.h"
#include "natkit/wg/device.h"

namespace natkit::mesh {

/// One attempt: with whom, and between which networks (whatever tells them
/// apart, for the wait after a failure).
struct HardPathTask {
  wg::PeerId peer = wg::kNoPeer;
  std::string local_network;
  std::string peer_network;
  /// All but the policy, which HardPath fills in.
  nat::HardPunchConfig punch;
};

/// Tell the peer, in a signal.
struct HardPathMessage {
  nat::PunchMessage message;
};

/// What a peer sent came through; a socket other than the main one stays open
/// for its owner to close.
struct HardPathHit {
  Endpoint local;
  Endpoint remote;
};

struct HardPathFailed {
  nat::PunchFailure reason = nat::PunchFailure::kNoHit;
};

struct HardPathEvent {
  wg::PeerId peer = wg::kNoPeer;
  std::variant<HardPathMessage, HardPathHit, HardPathFailed> what;
};

/// The hard punches of one node, one at a time, so that the budget holds for
/// the node as a whole. Pure; `rng` must outlive it.
class HardPath {
 public:
  HardPath(HardNatPolicy policy, Rng& rng) : policy_(policy), rng_(rng) {}

  /// For attempts that begin from now on.
  void SetPolicy(const HardNatPolicy& policy) { policy_ = policy; }

  [[nodiscard]] bool is_allowed() const { return policy_.is_allowed; }

  /// With whom an attempt is being made; kNoPeer: with nobody.
  [[nodiscard]] wg::PeerId busy_with() const {
    return punch_ ? task_.peer : wg::kNoPeer;
  }

  [[nodiscard]] bool IsBackingOff(Instant now, const std::string& local_network,
                                  const std::string& peer_network) const {
    return backoff_.IsBackingOff(now, local_network, peer_network);
  }

  // Inputs. After each one, drain all outputs.
  /// Begins as initiator; only while nothing else is tried.
  void Start(Instant now, HardPathTask task);
  /// Answers an offer, or refuses it.
  void HandleOffer(Instant now, HardPathTask task,
                   const nat::PunchOffer& offer);
  /// An answer or a refusal of `peer`.
  void HandleMessage(Instant now, wg::PeerId peer,
                     const nat::PunchMessage& message);
  /// The answer to the SocketsOpen of that number.
  void HandleSocketsOpened(Instant now, uint32_t request,
                           const std::vector<Endpoint>& sockets);
  /// False, without effect, if it is not for an attempt.
  bool HandleDatagram(Instant now, const Endpoint& local, const Endpoint& from,
                      ByteView datagram);
  void HandleTimeout(Instant now);
  /// Ends an attempt that lost its ground, such as the address it began on.
  void Abort();
  /// Closes the socket of an earlier hit.
  void Close(const Endpoint& socket);

  // Outputs.
  [[nodiscard]] std::optional<nat::PunchTransmit> PollTransmit();
  [[nodiscard]] std::optional<HardPathEvent> PollEvent();
  [[nodiscard]] std::optional<SocketCommand> PollCommand();
  [[nodiscard]] std::optional<Instant> NextTimeout() const;

 private:
  void Begin(HardPathTask task);
  void Refuse(wg::PeerId peer, uint64_t attempt, nat::PunchFailure reason);
  void Drain(Instant now);
  void HandleEvent(Instant now, nat::HardPunchEvent event);
  void CloseAllBut(const std::optional<Endpoint>& keep);

  HardNatPolicy policy_;
  Rng& rng_;
  nat::PunchBackoff backoff_;
  HardPathTask task_;
  Endpoint main_;  ///< the socket that the attempt began on
  std::optional<nat::HardPunch> punch_;
  std::vector<Endpoint> sockets_;  ///< opened for this attempt
  uint32_t requests_ = 0;
  std::optional<uint32_t> awaited_;  ///< request that has no answer yet
  std::deque<nat::PunchTransmit> transmits_;
  std::deque<HardPathEvent> events_;
  std::deque<SocketCommand> commands_;
};

}  // namespace natkit::mesh
