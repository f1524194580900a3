#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "natkit/base/keys.h"
#include "natkit/base/rng.h"
#include "natkit/base/time.h"
#include "natkit/derp/client_core.h"
#include "natkit/mesh/mesh_file.h"

namespace natkit::mesh {

/// A packet that another node sent us through the relay.
struct RelayedPacket {
  PublicKey source;
  std::vector<uint8_t> bytes;
};

/// The relay took our login.
struct RelayUp {};

/// It is down, or still is, for another reason than told before.
struct RelayDown {
  std::string reason;
};

/// The relay says that this node is not, or no longer, connected to it.
struct RelayPeerGone {
  PublicKey peer;
};

/// The relay answered a ping.
struct RelayMeasured {
  Duration round_trip{};
};

using RelayEvent = std::variant<RelayedPacket, RelayUp, RelayDown,
                                RelayPeerGone, RelayMeasured>;

/// What the shell has to do for a relay's stream.
enum class StreamCommand : uint8_t { kConnect, kClose };

/// The connection to one relay: connects, logs in, and reconnects after
/// n^2 * 10 ms, at most 5 s, times 0.5 to 1.5. Pure.
class RelayLink {
 public:
  enum class State : uint8_t { kDown, kConnecting, kLoggingIn, kUp };

  /// `is_home` is announced to the relay (NotePreferred).
  RelayLink(const StaticPrivateKey& key, const RelayEntry& entry, bool is_home,
            Rng& rng);

  void Start(Instant now);
  void HandleOpen(Instant now, const std::optional<PublicKey>& server_key);
  void HandleBytes(Instant now, ByteView bytes);
  void HandleClosed(Instant now, std::string_view reason);
  void HandleTimeout(Instant now);
  /// The address that the stream uses is gone: connects again at once.
  void Reconnect(Instant now);
  /// Whether this is our home relay, from now on.
  void SetHome(bool is_home);

  /// True while there is a stream that the shell would have to close.
  [[nodiscard]] bool has_stream() const { return state_ != State::kDown; }

  /// Something suggests that the stream is dead: unless the relay is heard
  /// within two round trips and 0.3 s, a second at most, connects again.
  void Probe(Instant now);

  /// While it is up and silent for this long, asks the relay for a sign of
  /// life and connects again if none comes soon: a router's restart kills the
  /// stream without a word. nullopt: only Probe() does.
  void SetIdleCheck(std::optional<Duration> interval) {
    idle_check_ = interval;
  }

  /// Queues a packet; false if the link is not up. Old ones are dropped when
  /// the relay does not keep up.
  bool Send(Instant now, const PublicKey& to, ByteView bytes);

  /// How many Send() has dropped so.
  [[nodiscard]] uint64_t dropped() const { return dropped_; }

  [[nodiscard]] std::optional<StreamCommand> PollCommand();
  /// Writes the next bytes of the stream to `out`, returns their number.
  [[nodiscard]] size_t PollTransmit(Instant now, MutableBytes out);
  [[nodiscard]] std::optional<RelayEvent> PollEvent();
  [[nodiscard]] std::optional<Instant> NextTimeout() const;

  [[nodiscard]] bool is_up() const { return state_ == State::kUp; }

  [[nodiscard]] bool is_home() const { return is_home_; }

  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  /// Asks the relay; Reconnect() unless it is heard within `patience`.
  void Ask(Instant now, Duration patience);
  [[nodiscard]] std::optional<Instant> IdleCheckTime() const;
  void Fail(Instant now, std::string reason);
  void DrainClient(Instant now);
  void HandleClientEvent(Instant now, const derp::ClientEvent& event);

  StaticPrivateKey key_;
  std::string name_;
  std::string host_;
  bool is_home_;
  Rng* rng_;
  State state_ = State::kDown;
  std::unique_ptr<derp::ClientCore> client_;
  std::optional<Instant> connect_at_;
  std::optional<Instant> probe_ends_at_;
  std::optional<Duration> idle_check_;
  Instant heard_at_{};
  std::optional<Duration> round_trip_;  ///< to the relay and back
  uint32_t failures_ = 0;
  uint64_t dropped_ = 0;
  std::optional<std::string> told_reason_;  ///< while it is down
  std::deque<StreamCommand> commands_;
  std::deque<RelayEvent> events_;
};

}  // namespace natkit::mesh
