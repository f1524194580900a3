#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/rng.h"
#include "natkit/base/time.h"
#include "natkit/mesh/node_event.h"
#include "natkit/nat/lifetime_search.h"
#include "node/reflexive_prober.h"

namespace natkit::mesh {

/// Measures how long the NAT of the present network keeps mappings: once, when
/// somebody has a use for it, with a socket of its own and the first STUN
/// server that honours RESPONSE-PORT. Pure.
class LifetimeProber {
 public:
  /// What is measured: the NAT between this base and that address.
  struct Place {
    Endpoint base;
    IpAddress external;
    bool operator==(const Place&) const = default;
  };

  /// Its requests for sockets have this number or a greater one.
  static constexpr uint32_t kFirstRequest = uint32_t{3} << 30U;

  explicit LifetimeProber(Rng& rng) : rng_(rng) {}

  void SetServers(const std::vector<Endpoint>& servers);
  /// In another place everything begins anew; nullopt, none is known, changes
  /// nothing.
  void SetPlace(const std::optional<Place>& place);
  /// Begins to measure, unless that is done, under way or hopeless.
  void Want(Instant now);
  /// Ends what is under way.
  void Stop();
  /// The answer to a SocketsOpen of PollCommand().
  void HandleSocketsOpened(Instant now, uint32_t request,
                           const std::vector<Endpoint>& sockets);
  /// False, without effect, for a datagram that answers nothing of ours.
  bool HandleDatagram(Instant now, const Endpoint& local, const Endpoint& from,
                      ByteView datagram);
  void HandleTimeout(Instant now);

  [[nodiscard]] std::optional<ProbeTransmit> PollTransmit();
  [[nodiscard]] std::optional<SocketCommand> PollCommand();
  [[nodiscard]] std::optional<Instant> NextTimeout() const;

  /// Of the present place; nullopt until it is known.
  [[nodiscard]] const std::optional<Duration>& lifetime() const {
    return lifetime_;
  }

 private:
  void Settle(Instant now);

  Rng& rng_;
  std::vector<Endpoint> servers_;  ///< IPv4
  std::optional<Place> place_;
  size_t tried_ = 0;  ///< of the servers, in this place
  Instant not_before_{Instant::min()};
  uint32_t request_ = kFirstRequest;
  bool is_opening_ = false;
  std::optional<Endpoint> quiet_;
  std::optional<nat::LifetimeSearch> search_;
  std::optional<Duration> lifetime_;
  std::deque<SocketCommand> commands_;
};

}  // namespace natkit::mesh
