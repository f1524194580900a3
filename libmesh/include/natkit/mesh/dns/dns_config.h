#pragma once

#include <string>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/result.h"
#include "natkit/mesh/dns/dns_message.h"

namespace natkit::dns {

/// A node of the mesh. `name` is below the mesh domain, mostly one label.
struct DnsHost {
  std::string name;
  std::vector<IpAddress> addresses;

  bool operator==(const DnsHost&) const = default;
};

/// Names at and below `suffix` are asked of `resolvers`, in this order. "." is
/// every name that no other route has.
struct SplitRoute {
  std::string suffix;
  std::vector<Endpoint> resolvers;

  bool operator==(const SplitRoute&) const = default;
};

/// What a node resolves, and how.
struct DnsConfig {
  std::string domain;  ///< of the mesh, e.g. "corp.mesh"
  std::vector<DnsHost> hosts;
  std::vector<SplitRoute> routes;
  /// For all other names; empty: those are refused.
  std::vector<Endpoint> resolvers;
  /// Domains that the system tries for short names; the server itself does not
  /// use them.
  std::vector<std::string> search;
  /// Further records, in the mesh domain or outside; outside, the whole name
  /// is answered here. A CNAME must lead to the mesh domain or another of
  /// them.
  std::vector<Record> extra;
  /// Where this server is reached: never asked as a resolver.
  std::vector<Endpoint> own;
  /// Who may ask, besides this host: its loopback and the addresses of `own`.
  std::vector<IpPrefix> clients;

  bool operator==(const DnsConfig&) const = default;
};

/// Checks what DnsServer::SetConfig() would refuse. Errors: kBadEncoding,
/// kBadLength (of a name), kBadValue: no domain; a host or suffix that is not a
/// name; a route inside the mesh domain or without a resolver; a CNAME that
/// leads outside.
[[nodiscard]] Result<void> CheckDnsConfig(const DnsConfig& config);

}  // namespace natkit::dns
