#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/keys.h"
#include "natkit/base/rng.h"
#include "natkit/base/secret_string.h"
#include "natkit/base/time.h"
#include "natkit/mesh/control/frame_reader.h"
#include "natkit/mesh/control/identity.h"
#include "natkit/mesh/control/map_replica.h"
#include "natkit/mesh/control/message.h"

namespace natkit::mesh {

/// Who a node is toward its server.
struct ControlClientConfig {
  MachineSeed machine_seed;
  StaticPrivateKey node_key;
  StaticPrivateKey signalling_key;
  SecretString auth_key;  ///< empty: none, an administrator approves
  std::string host_name;
  bool is_ephemeral = false;
  std::vector<std::string> tags;
  std::string software;
  /// What the node knew when it stopped.
  std::optional<MapReplica> saved_map;
};

/// Opens a TLS stream to the server; answered by HandleOpen or HandleClosed.
struct ControlConnect {};

/// Closes it; HandleClosed is not expected.
struct ControlClose {};

using ControlCommand = std::variant<ControlConnect, ControlClose>;

/// The server said where we stand.
struct ControlAdmitted {
  AdmissionState state = AdmissionState::kActive;
  NodeId node = 0;
  std::string approval_code;  ///< AdmissionState::kPendingApproval only
  std::string message;
};

struct ControlMapChanged {
  MapChanges changes;
};

struct ReceivedSignal {
  NodeId from = 0;
  std::vector<uint8_t> sealed;
};

/// The server's word in the rotation of our node key: kGo or kAbort.
struct ControlRotation {
  RotationStep step = RotationStep::kGo;
  PublicKey next_key;
};

/// The stream ended. It will be tried again, unless the end is final.
struct ControlLost {
  std::string why;
  std::optional<GoodbyeReason> goodbye;
  bool is_final = false;  ///< revoked, refused, logged out, or replaced
};

using ControlEvent = std::variant<ControlAdmitted, ControlMapChanged,
                                  ReceivedSignal, ControlRotation, ControlLost>;

/// A node's end of the coordination protocol (docs/coordination.md).
///
/// Life cycle: Start() asks for a stream; over it the server challenges, we
/// prove our three keys, and the server says where we stand and keeps our map
/// up to date. A stream that ends or falls silent for 45 s is opened again
/// after a pause of 1 s that doubles up to a minute, until an end is final.
/// The map survives all that.
///
/// Pure, as every core: after each input drain PollCommand(), PollBytes(),
/// PollEvent() and arm one timer at NextTimeout(). Not thread-safe.
class ControlClient {
 public:
  ControlClient(ControlClientConfig config, Rng& rng);

  // Inputs.
  /// Also after a final end, to try again.
  void Start(Instant now);
  /// The stream is there; `exporter` as AuthChallenge::exporter.
  void HandleOpen(Instant now, const std::array<uint8_t, 32>& exporter);
  void HandleBytes(Instant now, ByteView bytes);
  void HandleClosed(Instant now, std::string_view reason);
  void HandleTimeout(Instant now);
  /// The network changed: a stream that does not answer within 5 s is given up.
  void Probe(Instant now);
  /// What the server should know of us. Only differences travel; all of it
  /// after each new stream. What exceeds the bounds of message.h is left out.
  void SetReport(Instant now, NodeReport report);
  /// Not queued: false without an admitted stream that takes it.
  bool SendSignal(Instant now, NodeId to, ByteView sealed);
  /// Begins a rotation: proves `next` and has the server announce it. It is
  /// kept, and announced again after a new stream, until SwitchKey() or
  /// AbortRotation().
  void AnnounceKey(Instant now, StaticPrivateKey next);
  /// From now on the announced key is ours; tells the server.
  void SwitchKey(Instant now);
  void AbortRotation(Instant now);
  /// Leaves the mesh: the server forgets this node.
  void Logout(Instant now);
  /// Closes the stream in good order, without a word about coming back.
  void Stop(Instant now);

  // Outputs.
  [[nodiscard]] std::optional<ControlCommand> PollCommand();
  /// Moves up to out.size() bytes for the stream to `out`; their number.
  [[nodiscard]] size_t PollBytes(MutableBytes out);
  [[nodiscard]] std::optional<ControlEvent> PollEvent();
  [[nodiscard]] std::optional<Instant> NextTimeout() const;

  /// nullptr before the first map.
  [[nodiscard]] const MapReplica* map() const {
    return map_ && map_->position() ? &*map_ : nullptr;
  }

  [[nodiscard]] bool is_admitted() const { return phase_ == Phase::kAdmitted; }

  [[nodiscard]] const MachineKey& machine_key() const { return machine_.key(); }

 private:
  enum class Phase : uint8_t {
    kStopped,
    kPausing,     ///< until retry_at_
    kConnecting,  ///< no stream yet
    kOpen,        ///< a stream; waiting for the challenge
    kAnswered,    ///< waiting for admission
    kAdmitted,
  };

  void Connect(Instant now);
  void Lose(Instant now, ControlLost lost);
  void Fail(Instant now, std::string why);
  void Send(Instant now, const ControlMessage& message);
  void TakeFrames(Instant now);
  [[nodiscard]] bool IsStreaming() const;
  [[nodiscard]] bool IsExpected(const ControlMessage& message) const;
  void Take(Instant now, const Challenge& challenge);
  void Take(Instant now, const Admission& admission);
  void Take(Instant now, MapUpdate update);
  void Take(Instant now, const RelayedSignal& signal);
  void Take(Instant now, const Rotation& rotation);
  void Take(Instant now, const Heartbeat& heartbeat);
  void Take(Instant now, const Goodbye& goodbye);

  template <class Other>
  void Take(Instant, const Other&) {}

  void SendReport(Instant now);
  void SendAnnouncement(Instant now);
  [[nodiscard]] NodeKeys Keys() const;

  ControlClientConfig config_;
  MachineIdentity machine_;
  Rng& rng_;
  Phase phase_ = Phase::kStopped;
  AuthChallenge challenge_;
  FrameReader reader_{kMaxControlFrame};
  std::vector<uint8_t> out_;
  size_t sent_ = 0;
  std::deque<ControlCommand> commands_;
  std::deque<ControlEvent> events_;
  std::optional<MapReplica> map_;
  NodeReport report_;    ///< what the server should know
  NodeReport reported_;  ///< what it was told on this stream
  std::optional<StaticPrivateKey> next_key_;
  Duration pause_{};
  std::optional<Instant> retry_at_;
  Instant heard_at_{};
  Instant spoke_at_{};
  std::optional<Instant> answer_due_;
};

}  // namespace natkit::mesh
