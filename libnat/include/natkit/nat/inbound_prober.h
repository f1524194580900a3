#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/datagram.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/rng.h"
#include "natkit/base/time.h"
#include "natkit/nat/stun_attributes.h"
#include "natkit/nat/stun_transaction.h"

namespace natkit::nat {

/// Whether packets from strangers arrive at a mapped port.
enum class InboundReach : uint8_t {
  kUnknown,     ///< nobody has tried yet
  kNotProbed,   ///< no server could try
  kArrived,     ///< one did
  kNotArrived,  ///< a server sent some, and none came
};

/// "unknown", "not-probed", "arrived", "not-arrived".
[[nodiscard]] std::string_view InboundReachName(InboundReach reach);

/// Has STUN servers send to a mapped port from an address that its owner has
/// sent nothing to, which only a port that is open to all lets in.
///
/// One server after the other is asked for its second address (RFC 5780
/// OTHER-ADDRESS). One that has such an address, and sees us by the external
/// one, gets up to four requests, 2 s apart, to answer from there
/// (CHANGE-REQUEST) to the mapped port (RESPONSE-PORT). Silence counts only if
/// the server then shows that it can: its second address is asked itself, and
/// an answer from there to the port that it saw arrives. All is repeated every
/// ten minutes: by then NATs and firewalls have forgotten that. A server that
/// is asked too often (403) is asked again after half a minute.
///
/// Pure: owns no socket, clock or random source; `rng` must outlive it. All
/// datagrams leave from and come to the target's `base`.
class InboundProber {
 public:
  /// Servers that are asked at most.
  static constexpr size_t kMaxServers = 8;

  struct Target {
    Endpoint base;      ///< where the mapping leads
    Endpoint external;  ///< what the router says it has mapped
    bool operator==(const Target&) const = default;
  };

  explicit InboundProber(Rng& rng) : rng_(rng) {}

  // Inputs. After each one, drain all outputs.
  void SetServers(Instant now, std::vector<Endpoint> servers);
  /// nullopt: nothing is mapped. The same as before: no effect.
  void SetTarget(Instant now, const std::optional<Target>& target);
  /// The network may have changed: begins again. What is known stays until the
  /// new result.
  void Refresh(Instant now);
  /// True if it answers a request of this prober.
  bool HandleDatagram(Instant now, const Endpoint& local, const Endpoint& from,
                      ByteView datagram);
  void HandleTimeout(Instant now);

  // Outputs.
  [[nodiscard]] std::optional<Transmit> PollTransmit();
  [[nodiscard]] std::optional<Instant> NextTimeout() const;

  [[nodiscard]] const std::optional<Target>& target() const { return target_; }

  /// Of the target.
  [[nodiscard]] InboundReach reach() const { return reach_; }

 private:
  enum class Stage : uint8_t {
    kAsk,      ///< what the server is good for
    kProbe,    ///< from its second address, to the mapped port
    kOpen,     ///< who are we to the second address, which may answer then
    kControl,  ///< as kProbe, to where an answer must get through
  };

  void AskNext(Instant now);
  /// Asks `to`; with a port, for an answer from the other address to there.
  void Send(Instant now, Stage stage, const Endpoint& to,
            std::optional<uint16_t> response_port = std::nullopt);
  void HandleEnd(Instant now, const stun::TransactionEvent& end);
  /// True if the next stage has begun.
  [[nodiscard]] bool Continue(Instant now, const stun::TransactionEvent& end);
  [[nodiscard]] std::optional<Endpoint> ReadOther(
      const stun::TransactionEvent& end) const;
  [[nodiscard]] std::optional<uint16_t> ReadMappedPort(
      const stun::TransactionEvent& end) const;
  [[nodiscard]] bool IsFromElsewhere(const stun::TransactionEvent& end) const;
  void Conclude(Instant now, InboundReach reach);

  Rng& rng_;
  std::vector<Endpoint> servers_;
  std::optional<Target> target_;
  InboundReach reach_ = InboundReach::kUnknown;
  // Of the present round.
  size_t next_server_ = 0;
  Endpoint server_;
  Endpoint other_;  ///< the server's second address and port
  Stage stage_ = Stage::kAsk;
  bool was_silent_ = false;  ///< a server sent, and nothing came
  bool is_busy_ = false;     ///< a server does not want to send now
  std::optional<stun::ClientTransaction> transaction_;
  std::optional<Instant> again_at_;
};

}  // namespace natkit::nat
