#pragma once

#include <optional>
#include <string>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"
#include "natkit/nat/nat_traits.h"
#include "natkit/nat/stun_survey.h"
#include "netcheck/netcheck_servers.h"

namespace natkit::meshnode {

/// A relay and how far away it is; nullopt: no answer, or not asked.
struct RelayReach {
  NetcheckRelay relay;
  std::optional<Duration> udp_v4;  ///< of its STUN
  std::optional<Duration> udp_v6;
  std::optional<Duration> tcp;  ///< until its port took a connection
  std::string error;            ///< why there is no connection; empty: there is

  /// The shortest by UDP, else by TCP.
  [[nodiscard]] std::optional<Duration> Latency() const;
};

/// What is known of one address family.
struct FamilyReach {
  std::optional<IpAddress> local;  ///< packets leave from it; nullopt: no route
  /// Of all STUN servers, those beside relays too; empty: none has an address
  /// of this family.
  std::vector<stun::SurveyedServer> servers;
  nat::NatTraits traits;  ///< as far as the servers show them

  /// Some server answered.
  [[nodiscard]] bool is_open() const;
  /// Endpoints that servers saw, without repeats.
  [[nodiscard]] std::vector<Endpoint> Seen() const;
  /// Whether servers at different addresses see different endpoints; nullopt:
  /// fewer than two answered, and nothing else tells.
  [[nodiscard]] std::optional<bool> Varies() const;
};

/// What the router offers.
struct GatewayReach {
  std::optional<IpAddress> router;
  /// "pcp", "nat-pmp", "upnp"; nullopt: nobody was asked.
  std::optional<std::vector<std::string>> services;
  std::optional<IpAddress> external;  ///< as it says
};

/// What this host's network allows.
struct NetcheckReport {
  FamilyReach v4;
  FamilyReach v6;
  GatewayReach gateway;
  std::vector<RelayReach> relays;
  bool is_through_exit = false;  ///< not this network, but the exit node's

  /// Whether UDP gets out and its answers in; nullopt: there was no server.
  [[nodiscard]] std::optional<bool> HasUdp() const;
  /// The relay of the least latency, the first of equals; nullptr: none
  /// answers.
  [[nodiscard]] const RelayReach* Preferred() const;
};

/// The documented object, indented: names of this program, then those that
/// scripts of this field know.
[[nodiscard]] std::string NetcheckJson(const NetcheckReport& report);

/// For people.
[[nodiscard]] std::string NetcheckText(const NetcheckReport& report);

}  // namespace natkit::meshnode
