#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/keys.h"
#include "natkit/base/rng.h"
#include "natkit/base/time.h"
#include "natkit/derp/frame.h"
#include "natkit/derp/http.h"
#include "natkit/derp/login_info.h"
#include "natkit/derp/server_counters.h"

namespace natkit::derp {

/// One accepted stream. The shell chooses the numbers and must not use one
/// again.
enum class ConnectionId : uint64_t {};

/// Which connection of a key with several is active.
enum class DuplicatePolicy : uint8_t {
  kLastWriterActive,  ///< whichever a frame came from last
  kDisableFighters,   ///< none, once two of them take turns
};

/// Which undeliverable packets are answered with PeerGone(not here).
enum class NotHerePolicy : uint8_t {
  kDiscoOnly,   ///< those that look like path discovery
  kAnyPayload,  ///< all, for networks that do not use disco
};

struct ServerConfig {
  StaticPrivateKey private_key;
  std::optional<MeshKey> mesh_key;  ///< all zeros never matches
  HttpSite site;
  DuplicatePolicy duplicate_policy = DuplicatePolicy::kLastWriterActive;
  NotHerePolicy not_here_policy = NotHerePolicy::kDiscoOnly;
  size_t queue_depth = 32;  ///< packets, for each of the two queues
  /// Memory for queued packets of all connections together, in bytes.
  size_t max_queued_bytes = size_t{512} << 20;
  size_t max_connections_per_key = 64;  ///< beyond, the oldest is closed
  Duration http_timeout = std::chrono::seconds(30);  ///< for one request head
  Duration login_timeout = std::chrono::seconds(10);
  Duration write_timeout = std::chrono::seconds(2);  ///< 0: none
  Duration mesh_write_timeout = std::chrono::seconds(30);
  Duration keep_alive_interval = std::chrono::seconds(60);
  Duration keep_alive_jitter = std::chrono::seconds(5);  ///< uniform, on top
};

/// Where a stream comes from.
struct RemoteInfo {
  Endpoint endpoint;
};

enum class CloseReason : uint8_t {
  kHttpDone,           ///< a plain HTTP exchange ended
  kBadHttp,            ///< not HTTP, or a head over the limit
  kHttpTimeout,        ///< no complete request in time
  kLoginTimeout,       ///< no ClientInfo in time
  kLoginRejected,      ///< ClientInfo not acceptable
  kBadFrame,           ///< a frame broke the rules
  kForbiddenFrame,     ///< privileged frame without the mesh key
  kWriteTimeout,       ///< the receiver does not read
  kClosedByPeer,       ///< ClosePeer, by frame or by the operator
  kTooManyDuplicates,  ///< more connections with this key than allowed
};

/// Names a reason, e.g. "write_timeout"; static storage.
[[nodiscard]] const char* CloseReasonName(CloseReason reason);

/// The core is done with this stream: the shell flushes what it was given and
/// closes. The id is unknown to the core from here on.
struct ConnectionClosed {
  ConnectionId id;
  CloseReason reason;
};

/// A client logged in.
struct ClientRegistered {
  ConnectionId id;
  PublicKey key;
  Endpoint remote;
  bool is_mesh_peer = false;
  bool is_prober = false;
};

/// A client that was logged in is gone, whoever closed.
struct ClientGone {
  ConnectionId id;
  PublicKey key;
  bool was_last = false;  ///< no other connection has this key
};

using ServerEvent =
    std::variant<ConnectionClosed, ClientRegistered, ClientGone>;

/// A relay: a hub of client connections over byte streams that somebody else
/// owns (TLS or TCP, already accepted).
///
/// It speaks everything on those streams: the HTTP request, the upgrade, the
/// small web pages, the login, and frames. After each input: drain PollReady()
/// and, for each id, PollTransmit() as far as that stream takes bytes; drain
/// PollEvent(); arm one timer at NextTimeout().
///
/// Back-pressure: a connection is reported once by PollReady() when it begins
/// to have output. If its stream is full, the shell stops and calls
/// PollTransmit() again when the stream is writable; meanwhile packets wait
/// here in two queues of `queue_depth` (path discovery, everything else), the
/// oldest dropped first. A connection with output that gets no bytes away for
/// `write_timeout` is closed, so a shell must not take more than it can write
/// soon (64 KiB is plenty).
///
/// Invariants: ServerInfo is the first frame after ServerKey; at most one
/// connection of a key is active and receives; no input of one client can make
/// memory of another grow beyond its queues. Pure: no socket, clock, thread or
/// random source. In steady state relaying a packet does not allocate.
class ServerCore {
 public:
  /// `rng` must outlive this object.
  ServerCore(ServerConfig config, Rng& rng);
  ~ServerCore();
  ServerCore(const ServerCore&) = delete;
  ServerCore& operator=(const ServerCore&) = delete;

  // Inputs. Unknown ids are ignored: a close may cross with anything.

  void Accept(Instant now, ConnectionId id, const RemoteInfo& remote);
  /// Bytes came from the stream, split in any way.
  void HandleBytes(Instant now, ConnectionId id, ByteView bytes);
  /// As HandleBytes(), up to a packet that fills its queue: a shell that drains
  /// the outputs before it gives the rest loses nothing for readers that keep
  /// up, though hundreds of small packets come at once. Returns how many bytes
  /// it took, at least one.
  [[nodiscard]] size_t HandleSomeBytes(Instant now, ConnectionId id,
                                       ByteView bytes);
  /// The stream ended or failed; no ConnectionClosed follows.
  void HandleClosed(Instant now, ConnectionId id);
  void HandleTimeout(Instant now);
  /// Closes every connection of `key`.
  void ClosePeer(Instant now, const PublicKey& key);
  /// Tells every client that this server restarts. Drain, then close.
  void AnnounceRestart(Instant now, const Restarting& restarting);

  // Outputs.

  /// The next connection that has output since it had none.
  [[nodiscard]] std::optional<ConnectionId> PollReady();
  /// Writes the next bytes of a stream to `out` and returns their number; less
  /// than out.size() means that there is nothing more.
  [[nodiscard]] size_t PollTransmit(Instant now, ConnectionId id,
                                    MutableBytes out);
  [[nodiscard]] std::optional<ServerEvent> PollEvent();
  [[nodiscard]] std::optional<Instant> NextTimeout() const;

  [[nodiscard]] const PublicKey& public_key() const;
  [[nodiscard]] const ServerCounters& counters() const;
  /// Streams that the core knows, logged in or not.
  [[nodiscard]] size_t connection_count() const;
  /// True if PollTransmit() has bytes for this connection.
  [[nodiscard]] bool has_output(ConnectionId id) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace natkit::derp
