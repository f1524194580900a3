#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "natkit/base/bytes.h"
#include "natkit/base/keys.h"
#include "natkit/base/result.h"
#include "natkit/base/rng.h"
#include "natkit/base/time.h"
#include "natkit/derp/frame.h"
#include "natkit/derp/login_info.h"

namespace natkit::derp {

struct ClientConfig {
  StaticPrivateKey private_key;
  std::string host;        ///< value of the Host field
  std::string ideal_node;  ///< not empty: name of the node we would rather use
  std::optional<MeshKey> mesh_key;
  bool is_prober = false;
  std::string app_name;
  size_t queue_depth = 32;  ///< packets that wait; the oldest is dropped
  Duration login_timeout = std::chrono::seconds(10);
  Duration read_timeout = std::chrono::seconds(120);  ///< between frames
  Duration ping_timeout = std::chrono::seconds(5);
};

/// The server let us in. It is also the first event of every good connection.
struct ClientConnected {
  PublicKey server_key;
  ServerInfo info;
};

/// A packet from `source`. `data` is valid until the next call of a member
/// that is not const, PollEvent() excepted.
struct ClientPacket {
  PublicKey source;
  ByteView data;
};

/// Our Ping() was answered.
struct ClientPong {
  Duration round_trip;
};

/// Our Ping() was not answered in time; the connection is still open.
struct ClientPingTimedOut {};

/// The server reports a problem with this connection; empty: solved.
struct ClientHealth {
  std::string problem;
};

/// Why a connection ended.
enum class ClientCloseReason : uint8_t {
  kStreamClosed,    ///< HandleClosed()
  kLoginTimeout,    ///< no ServerInfo in time
  kReadTimeout,     ///< no frame in time
  kUpgradeRefused,  ///< the server did not answer with 101
  kProtocolError,   ///< the server broke the protocol: see `error`
};

/// The last event. The owner closes the stream, and starts anew with a fresh
/// core.
struct ClientClosed {
  ClientCloseReason reason;
  Errc error = Errc::kClosed;
  int http_status = 0;  ///< with kUpgradeRefused, 0 if it was not HTTP
};

using ClientEvent = std::variant<ClientConnected, ClientPacket, PeerGone,
                                 PeerPresent, ClientPong, ClientPingTimedOut,
                                 ClientHealth, Restarting, ClientClosed>;

struct ClientCounters {
  uint64_t packets_sent = 0;      ///< SendPacket frames handed to the stream
  uint64_t packets_received = 0;  ///< RecvPacket frames
  uint64_t dropped_oldest = 0;    ///< queue full
  uint64_t dropped_by_rate = 0;   ///< above the server's token bucket
  uint64_t dropped_received = 0;  ///< the owner did not poll events
  uint64_t unknown_frames = 0;    ///< skipped
  bool operator==(const ClientCounters&) const = default;
};

/// Whether the region of this connection is where peers look for us.
enum class HomeRegion : uint8_t { kNo, kYes };

/// One client connection to a relay, over a byte stream that somebody else
/// owns (TLS or TCP, already connected).
///
/// Life cycle: Start(), bytes in both directions, ClientConnected, packets, at
/// last ClientClosed. With the server's key known beforehand (from the meta
/// certificate) the request, the login and packets go out in one flight;
/// otherwise the core waits for the 101 and the ServerKey.
///
/// After each input drain PollTransmit() as far as the stream takes bytes and
/// PollEvent() until it is empty, then arm one timer at NextTimeout(). Bytes
/// that the stream cannot take stay here: packets in a bounded queue, oldest
/// dropped first. Pure: no socket, clock, thread or random source. Once it has
/// grown to its working size, relaying packets does not allocate.
class ClientCore {
 public:
  /// `rng` must outlive this object.
  ClientCore(ClientConfig config, Rng& rng);
  ~ClientCore();
  ClientCore(const ClientCore&) = delete;
  ClientCore& operator=(const ClientCore&) = delete;

  // Inputs.

  /// The stream is up. `server_key`, if known, selects fast start.
  void Start(Instant now,
             const std::optional<PublicKey>& server_key = std::nullopt);
  /// Bytes came from the stream, split in any way.
  void HandleBytes(Instant now, ByteView bytes);
  /// The stream ended.
  void HandleClosed(Instant now);
  void HandleTimeout(Instant now);

  /// Queues a copy of `data` for `destination`; allowed from Start() on.
  /// Success does not mean that it leaves: it may be dropped later as the
  /// oldest of a full queue. Errors: kFrameTooLarge over kMaxPacketSize,
  /// kInvalidState before Start(), kClosed, kLimitExceeded above the server's
  /// token bucket (dropped and counted).
  [[nodiscard]] Result<void> SendPacket(Instant now,
                                        const PublicKey& destination,
                                        ByteView data);
  /// Says whether this is our home region; repeated calls with the same value
  /// send nothing. May be called before the login is done.
  void NotePreferred(HomeRegion home);
  /// Measures the round trip: ClientPong or ClientPingTimedOut follows. A ping
  /// that is under way is given up. Nothing before the login is done.
  void Ping(Instant now);

  // Outputs.

  /// Writes the next bytes of the stream to `out` and returns their number; 0
  /// if there are none. Give it no more room than the stream takes at once.
  [[nodiscard]] size_t PollTransmit(Instant now, MutableBytes out);
  [[nodiscard]] std::optional<ClientEvent> PollEvent();
  /// When to call HandleTimeout next; none before Start() and after the end.
  [[nodiscard]] std::optional<Instant> NextTimeout() const;

  /// True if PollTransmit() has bytes.
  [[nodiscard]] bool has_output() const;
  /// True between ClientConnected and ClientClosed.
  [[nodiscard]] bool is_connected() const;
  /// When the last frame came; none before the first.
  [[nodiscard]] std::optional<Instant> last_frame_time() const;
  [[nodiscard]] const ClientCounters& counters() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace natkit::derp
