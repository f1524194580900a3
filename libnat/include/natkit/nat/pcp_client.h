#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>

#include "natkit/base/bytes.h"
#include "natkit/base/datagram.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/rng.h"
#include "natkit/base/secret.h"
#include "natkit/base/time.h"
#include "natkit/nat/pcp_message.h"
#include "natkit/nat/port_mapping.h"
#include "natkit/nat/restart_gate.h"

namespace natkit::nat {

/// Makes nonces that a program still knows when it is started again.
using PcpNonceKey = Secret<struct PcpNonceKeyTag, 32>;

/// The PcpNonceKey of a program that already has a secret to keep: HKDF-SHA256
/// (RFC 5869) with a label of its own, so that it tells nothing of `secret`
/// and is of no use for what that is for.
[[nodiscard]] PcpNonceKey DerivePcpNonceKey(
    std::span<const uint8_t, 32> secret);

/// Whom a PcpClient asks and for what.
struct PcpClientConfig {
  IpAddress server;
  /// Our address toward the server: the one that its NAT maps from.
  IpAddress client;
  Duration lifetime = kPortMappingLifetime;
  /// Fails rather than get another external endpoint than suggested (RFC 6887
  /// section 13.2).
  bool prefer_failure = false;
};

/// Keeps mappings, of IPv6 also pinholes in a firewall, at one PCP server (RFC
/// 6887).
///
/// Start() asks by ANNOUNCE whether there is one (section 14.1). Every key of
/// Map() is asked for: by MAP, or by PEER if it has a remote. Requests are sent
/// again after 3 s, then twice as late each time up to 1024 s, each time up to
/// 10 % off, without end (section 8.1.1). Mappings are renewed at random times
/// in the windows that begin at 1/2, 3/4, 7/8, ... of the lifetime, at least 4
/// s apart (section 11.2.1). A failure is not asked again before the lifetime
/// that the server gave it. When the server's epoch is not plausible (section
/// 8.5) all mappings are made anew; after a received announcement, up to 5 s
/// later, and ever later if that happens again and again. No mapping is asked
/// for twice within 4 s but to delete it.
///
/// Pure: owns no socket, clock or random source; `rng` must outlive it. Takes
/// datagrams of the socket that it sends from, and announcements to
/// kPortMappingClientPort; those not from the server's port 5351, and answers
/// with another nonce than the request, have no effect. Memory grows with the
/// number of keys alone.
class PcpClient {
 public:
  /// Keys that one client keeps at most.
  static constexpr size_t kMaxKeys = 64;

  /// Nonces are random, or made of `nonce_key`, which then must outlive it, and
  /// of what they are for: a program that was killed may renew and delete its
  /// mappings when it runs again, which is else refused for their lifetime.
  PcpClient(const PcpClientConfig& config, Rng& rng,
            const PcpNonceKey* nonce_key = nullptr);

  // Inputs. After each one, drain all outputs.
  /// Begins, or asks whether the server is still there.
  void Start(Instant now);
  /// Asks for all mappings again at once: the gateway may have another address.
  void Renew(Instant now);
  /// Wants a mapping; again: no effect. `suggested` with port 0 stands for the
  /// internal port and any address. False: it cannot be (port 0, over
  /// kMaxKeys).
  bool Map(Instant now, const PortMappingKey& key,
           const Endpoint& suggested = {});
  /// Deletes a mapping; MappingRemoved follows, after 3 tries in any case.
  void Unmap(Instant now, const PortMappingKey& key);
  /// True if the datagram was from the server and a PCP response.
  bool HandleDatagram(Instant now, const Endpoint& from, ByteView datagram);
  /// ICMP says that nobody listens at the server's port.
  void HandleUnreachable(Instant now);
  void HandleTimeout(Instant now);

  // Outputs.
  [[nodiscard]] std::optional<Transmit> PollTransmit();
  [[nodiscard]] std::optional<PortMappingClientEvent> PollEvent();
  [[nodiscard]] std::optional<Instant> NextTimeout() const;

  /// Nothing is to be deleted.
  [[nodiscard]] bool is_idle() const;

 private:
  /// The retransmissions of one request (section 8.1.1).
  struct Retry {
    int sent = 0;
    Duration wait{};
    std::optional<Instant> due;
  };

  struct Entry {
    PcpNonce nonce{};
    Endpoint suggested;
    std::optional<Endpoint> external;
    Duration lifetime{};  ///< as granted
    Instant granted;
    int renewals = 0;      ///< sent since
    bool is_lost = false;  ///< the server has restarted: asked for as new
    Retry retry;           ///< also says when to renew
    Instant asked;         ///< last
    bool is_leaving = false;
    bool was_leaving = false;  ///< answers to its deletion may still come
  };

  struct Epoch {
    uint32_t value = 0;
    Instant seen;
  };

  [[nodiscard]] PcpNonce MakeNonce(const PortMappingKey& key);
  void RequestAt(Instant now, Retry& retry, Duration delay = {});
  void NoteSent(Instant now, Retry& retry);
  void SendProbe(Instant now);
  void SendMapping(Instant now, const PortMappingKey& key, Entry& entry);
  void ScheduleRenewal(Instant now, Entry& entry);
  void NoteAnswer();
  void HandleMapping(Instant now, const PcpResponse& response);
  void Grant(Instant now, const PortMappingKey& key, Entry& entry,
             const PcpResponse& response);
  void Refuse(Instant now, const PortMappingKey& key, Entry& entry,
              const PcpResponse& response);
  void Fail(PortMappingError error);
  void CheckEpoch(Instant now, const PcpResponse& response);
  [[nodiscard]] bool IsEpochValid(Instant now, uint32_t epoch) const;
  [[nodiscard]] Duration RandomBelow(Duration bound);

  PcpClientConfig config_;
  Rng& rng_;
  const PcpNonceKey* nonce_key_;
  std::map<PortMappingKey, Entry> entries_;
  Retry probe_;
  std::optional<Epoch> epoch_;
  RestartGate restart_gate_;
  std::optional<IpAddress> external_address_;
  bool has_answered_ = false;
  Instant last_now_;
  std::deque<Transmit> transmits_;
  std::deque<PortMappingClientEvent> events_;
};

}  // namespace natkit::nat
