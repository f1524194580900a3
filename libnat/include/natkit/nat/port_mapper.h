#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/datagram.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/rng.h"
#include "natkit/base/time.h"
#include "natkit/nat/inbound_prober.h"
#include "natkit/nat/pcp_client.h"
#include "natkit/nat/port_mapping.h"
#include "natkit/nat/port_mapping_clients.h"
#include "natkit/nat/upnp_request.h"

namespace natkit::nat {

/// How far a mapping's external endpoint can be believed.
enum class MappingStanding : uint8_t {
  kUnverified,  ///< a public address, but nobody outside has been asked
  /// STUN servers see us by the same address; that packets come in through the
  /// mapping is the router's word alone.
  kNotProbed,
  /// The same, and a packet from a stranger came in (SetInboundReach()).
  kVerified,
  /// The same, but packets that strangers sent to it did not arrive.
  kUnreachable,
  /// The router's own outside is behind another NAT: its address is private, or
  /// STUN servers see another one. Nobody on the Internet reaches it.
  kBehindNat,
};

/// A stable word: "unverified", "not-probed", "verified", "unreachable",
/// "behind-nat".
[[nodiscard]] std::string_view MappingStandingName(MappingStanding standing);

/// One mapping that exists.
struct PortMapping {
  PortMappingKey key;
  PortMappingService service = PortMappingService::kPcp;
  Endpoint external;
  MappingStanding standing = MappingStanding::kUnverified;

  bool operator==(const PortMapping&) const = default;
};

/// A mapping is there, or its endpoint or standing is another one.
struct PortMapped {
  PortMapping mapping;
};

/// A mapping that was there is not, or one cannot be had.
struct PortNotMapped {
  PortMappingKey key;
  PortMappingService service = PortMappingService::kPcp;
  PortMappingError error = PortMappingError::kNoAnswer;
};

/// The router's address on its outside, first or newly known.
struct RouterAddressChanged {
  IpAddress address;
};

/// Which service keeps the mappings; nullopt: none answers. Also told, once,
/// when all have failed at a router or been silent for 30 s.
struct PortMappingServiceChanged {
  std::optional<PortMappingService> service;
};

using PortMapperEvent =
    std::variant<PortMapped, PortNotMapped, RouterAddressChanged,
                 PortMappingServiceChanged>;

/// What became of one protocol at the present router.
struct PortMappingAttempt {
  enum class State : uint8_t { kOff, kAsking, kAnswered, kFailed };

  PortMappingService service = PortMappingService::kPcp;
  State state = State::kOff;
  PortMappingError error = PortMappingError::kNoAnswer;  ///< of kFailed
};

/// Keeps mappings at this network's router by whatever it speaks.
///
/// A new gateway is asked by PCP, NAT-PMP and UPnP at once. The best that
/// answers is used: PCP at once, NAT-PMP when PCP has failed or after 250 ms,
/// UPnP when both have or after 1 s; later, whoever answers first. When it
/// refuses, or says nothing to a request for ten seconds, the next one is used.
/// Every ten minutes, and when Refresh() is called, the router is asked whether
/// all is as before; if it is silent for 30 s, all protocols are tried anew.
/// Where none answers, that is repeated after 1, 2, 4, ... ten minutes.
///
/// Pure: owns no socket, clock or random source; `rng` must outlive it. One
/// family of addresses: use one mapper for IPv4 and, for pinholes in a
/// firewall, one for IPv6. Datagrams go from and to a socket on the gateway's
/// `local` address, announcements come to kPortMappingClientPort, and
/// UpnpRequests are done elsewhere. Memory is bounded by kMaxKeys.
class PortMapper {
 public:
  static constexpr size_t kMaxKeys = 32;

  /// `nonce_key`: see PcpClient.
  PortMapper(PortMapperConfig config, Rng& rng,
             std::optional<PcpNonceKey> nonce_key = std::nullopt);

  // Inputs. After each one, drain all outputs.
  /// Another gateway: what was mapped at the old one is lost here, and deleted
  /// there if that can be done within ten seconds (see leaving()). The same: as
  /// Refresh().
  void SetGateway(Instant now, const std::optional<PortMapperGateway>& gateway);
  /// Asks the router whether all is as it was: the network may have changed.
  void Refresh(Instant now);
  /// What STUN servers see us as, of this family.
  void SetReflexiveAddresses(Instant now, std::vector<IpAddress> addresses);
  /// What an InboundProber found of a mapping. No effect if its external
  /// endpoint is another one by now.
  void SetInboundReach(Instant now, const PortMappingKey& key,
                       const Endpoint& external, InboundReach reach);
  /// Wants a mapping from now on. False over kMaxKeys, or for port 0.
  bool Map(Instant now, const PortMappingKey& key);
  void Unmap(Instant now, const PortMappingKey& key);
  /// Deletes all mappings; is_finished() says when that is done.
  void Shutdown(Instant now);
  /// True if the datagram was for one of the protocols.
  bool HandleDatagram(Instant now, const Endpoint& from, ByteView datagram);
  /// ICMP says that nobody listens at the gateway's port.
  void HandleUnreachable(Instant now);
  void HandleUpnpResult(Instant now, const UpnpResult& result);
  void HandleTimeout(Instant now);

  // Outputs.
  [[nodiscard]] std::optional<Transmit> PollTransmit();
  [[nodiscard]] std::optional<UpnpRequest> PollUpnpRequest();
  [[nodiscard]] std::optional<PortMapperEvent> PollEvent();
  [[nodiscard]] std::optional<Instant> NextTimeout() const;

  [[nodiscard]] bool is_finished() const;

  [[nodiscard]] const std::optional<PortMapperGateway>& gateway() const {
    return gateway_;
  }

  /// The gateway before, while mappings are being deleted there. Datagrams to
  /// its router leave from its `local` address, as long as we have that.
  [[nodiscard]] const PortMapperGateway* leaving() const {
    return leaving_ ? &leaving_->clients.gateway() : nullptr;
  }

  [[nodiscard]] std::optional<PortMappingService> service() const {
    return selected_;
  }

  [[nodiscard]] std::optional<IpAddress> router_address() const {
    return router_address_;
  }

  /// All mappings that exist, by key.
  [[nodiscard]] std::vector<PortMapping> mappings() const;
  /// Why a mapping that is wanted does not exist; what the best service has
  /// said if none was chosen.
  [[nodiscard]] std::optional<PortMappingError> error() const;
  /// By preference.
  [[nodiscard]] std::vector<PortMappingAttempt> attempts() const;

 private:
  static constexpr size_t kServices = 3;

  struct Wanted {
    std::optional<PortMapping> mapping;
    std::optional<PortMappingError> error;        ///< told last
    InboundReach reach = InboundReach::kUnknown;  ///< of the mapping
  };

  struct Leaving {
    PortMappingClients clients;
    Instant until;
  };

  void Reset();
  void Probe(Instant now);
  void StartService(Instant now, PortMappingService service);
  void Select(Instant now);
  void Use(Instant now, std::optional<PortMappingService> service);
  [[nodiscard]] std::optional<PortMappingService> BestAnswered() const;
  [[nodiscard]] Duration PatienceBefore(PortMappingService service) const;
  void GiveUpUnansweredRequests(Instant now);
  void LeaveGateway(Instant now);
  void DrainLeaving(Instant now);
  void Drain(Instant now);
  void Handle(Instant now, PortMappingService service,
              const PortMappingClientEvent& event);
  void NoteAnswered(Instant now, PortMappingService service);
  void NoteServiceFailed(Instant now, PortMappingService service,
                         PortMappingError error);
  void NoteGranted(PortMappingService service, const MappingGranted& granted);
  void NoteFailed(Instant now, PortMappingService service,
                  const MappingFailed& failed);
  void NoteAddress(const IpAddress& address);
  void GiveUpSilentServices();
  void TellIfNoneIsLeft();
  [[nodiscard]] bool is_none_left() const;
  void Publish(Wanted& wanted, const PortMapping& mapping);
  [[nodiscard]] MappingStanding StandingOf(const IpAddress& external,
                                           InboundReach reach) const;
  [[nodiscard]] PortMappingAttempt& attempt(PortMappingService service);

  PortMapperConfig config_;
  Rng& rng_;
  std::optional<PcpNonceKey> nonce_key_;
  std::optional<PortMapperGateway> gateway_;
  std::vector<IpAddress> reflexive_;
  std::map<PortMappingKey, Wanted> wanted_;
  std::optional<PortMappingClients> clients_;  ///< at gateway_
  std::optional<Leaving> leaving_;
  std::array<PortMappingAttempt, kServices> attempts_;
  std::optional<PortMappingService> selected_;
  std::optional<IpAddress> router_address_;
  Instant probed_at_;
  bool is_selecting_ = false;          ///< waits for better services
  std::optional<Instant> verdict_at_;  ///< who is silent then has failed
  /// Who has not answered a request for a mapping by then has failed.
  std::optional<Instant> request_ends_at_;
  bool has_told_none_ = false;
  std::optional<Instant> check_at_;
  Duration next_search_{};  ///< how long after a vain search the next one is
  std::optional<Instant> silent_at_;  ///< no answer to a check until then
  bool is_shut_down_ = false;
  Instant last_now_;
  std::deque<PortMapperEvent> events_;
};

}  // namespace natkit::nat
