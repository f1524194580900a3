#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "natkit/base/datagram.h"
#include "natkit/base/rng.h"
#include "natkit/base/time.h"
#include "natkit/nat/keepalive_policy.h"
#include "natkit/nat/nat_traits.h"
#include "natkit/nat/stun_binding_client.h"
#include "node/local_addresses.h"

namespace natkit::mesh {

/// A datagram that must leave from `from`.
struct ProbeTransmit {
  Endpoint from;
  Transmit datagram;
};

/// Keeps asking every STUN server from every base of its family what it sees,
/// once for all peers. The requests, unless they are rare, also keep the NATs'
/// mappings. Pure; `rng` must outlive it.
class ReflexiveProber {
 public:
  explicit ReflexiveProber(Rng& rng) : rng_(rng) {}

  void SetBases(Instant now, const std::vector<Endpoint>& bases);
  void SetServers(Instant now, const std::vector<Endpoint>& servers);
  /// Servers are asked every 20 s, on battery every 2 min, for a phone that
  /// nobody uses every hour, and at Refresh().
  void SetPower(nat::PowerMode power);

  /// Asks all again at once: something suggests that the mappings changed.
  void Refresh(Instant now);
  /// False, without effect, for a datagram that answers no request of ours.
  bool HandleDatagram(Instant now, const Endpoint& local, const Endpoint& from,
                      ByteView datagram);
  void HandleTimeout(Instant now);

  /// Authentic UDP came in from anybody: whatever the servers do, it is not
  /// blocked, until ForgetUdp().
  void NoteUdp();
  void ForgetUdp();

  [[nodiscard]] std::optional<ProbeTransmit> PollTransmit();
  /// The whole list, sorted and without repeats, after it or Observe() changed.
  [[nodiscard]] std::optional<std::vector<ReflexiveAddress>> PollChange();
  [[nodiscard]] std::optional<Instant> NextTimeout() const;

  /// What the answers tell of the IPv4 network: translation and mapping as two
  /// servers with different addresses see them, external addresses, and that
  /// UDP is blocked, or all servers are down, once every server has failed and
  /// nobody else was heard either. A mapping that differs is taken for
  /// address-and-port-dependent unless two ports of one server see the same;
  /// filtering stays unknown.
  [[nodiscard]] nat::NatTraits Observe() const;
  /// The mapping differs, and no two ports of one server were compared.
  [[nodiscard]] bool MayBeAddressDependent() const;

 private:
  struct Probe {
    std::optional<stun::BindingClient> client;  ///< while a request is out
    std::optional<Endpoint> mapped;
    Instant next_start{};
    bool has_failed = false;  ///< the last request got no answer
  };

  using Key = std::pair<Endpoint, Endpoint>;  // base, server

  void Rebuild(Instant now);
  void StartProbe(Instant now, const Key& key, Probe& probe);
  void Drain(Instant now, const Key& key, Probe& probe);
  void NoteChanges();

  /// What two servers saw of one IPv4 base, for any base.
  struct Comparison {
    bool addresses_differ = false;  ///< other addresses: other mappings
    bool addresses_agree = false;   ///< other addresses: the same mapping
    bool ports_differ = false;      ///< other ports of one address, likewise
    bool ports_agree = false;
  };

  [[nodiscard]] Comparison Compare() const;
  [[nodiscard]] std::optional<nat::Dependence> ObserveMapping(
      std::optional<nat::Translation> translation) const;

  Rng& rng_;
  std::vector<Endpoint> bases_;
  std::vector<Endpoint> servers_;
  std::map<Key, Probe> probes_;
  // Below the shortest UDP timeout in the field, 30 s for unreplied mappings.
  Duration interval_ = std::chrono::seconds(20);
  std::deque<ProbeTransmit> transmits_;
  std::vector<ReflexiveAddress> known_;
  nat::NatTraits observed_;
  bool may_be_address_dependent_ = false;
  bool hears_udp_ = false;
  bool changed_ = false;
};

}  // namespace natkit::mesh
