#pragma once

#include <chrono>
#include <list>
#include <optional>
#include <set>

#include "natkit/derp/frame_decoder.h"
#include "natkit/derp/http.h"
#include "natkit/derp/server_core.h"
#include "queue/token_bucket.h"
#include "server/outbox.h"

namespace natkit::derp {

/// Where a connection is in its life.
enum class Phase : uint8_t {
  kHttp,      ///< reads requests, answers them
  kLogin,     ///< ServerKey is out, ClientInfo is awaited
  kRunning,   ///< registered
  kDraining,  ///< input is ignored; closed once the output is gone
};

/// Why PeerGone(not here) goes out at most once a second after a burst of 3.
inline constexpr double kNotHerePerSecond = 1;
inline constexpr double kNotHereBurst = 3;

/// The server's state of one stream.
struct Connection {
  Connection(ConnectionId number, const RemoteInfo& info)
      : id(number), remote(info) {}

  ConnectionId id;
  RemoteInfo remote;
  Phase phase = Phase::kHttp;
  std::optional<HttpHeadReader> http{std::in_place};
  FrameDecoder decoder{kServerLoginRules};
  uint64_t skipped_frames = 0;  // of the decoder, as counted so far

  // From the login on.
  PublicKey key;
  Instant connected_at{};
  bool is_mesh_peer = false;
  bool is_prober = false;
  bool is_not_ideal = false;
  bool is_home = false;
  bool is_duplicate = false;  // its key has other connections
  bool is_disabled = false;   // by DuplicatePolicy::kDisableFighters
  TokenBucket not_here{kNotHerePerSecond, kNotHereBurst};

  // Peers whose departure this connection hears of: those it had packets from.
  std::set<PublicKey> heard_from;
  std::optional<PublicKey> last_source;  // one of heard_from

  // Output.
  Outbox outbox;
  bool is_ready_listed = false;  // PollReady() will name it
  bool is_pending = false;       // has output
  Instant pending_since{};       // or since bytes went out last
  std::list<Connection*>::iterator pending_position;

  // Timers.
  std::optional<Instant> deadline;  // meaning depends on the phase
  Duration keep_alive_period{};
  CloseReason close_reason = CloseReason::kHttpDone;  // with kDraining
};

}  // namespace natkit::derp
