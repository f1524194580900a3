#pragma once

#include <optional>
#include <string>
#include <vector>

#include "dns/system_dns.h"
#include "natkit/mesh/control/map_replica.h"
#include "natkit/mesh/dns/dns_config.h"

// A network map in the words of the DNS server and of the system's DNS.

namespace natkit::meshnode {

/// What a map means for names on this node.
struct DnsPlan {
  /// For the node's DNS server. `resolvers` is empty if the mesh has none of
  /// its own: then those that the system has are to be used.
  dns::DnsConfig config;
  /// For the system; the servers are the node's own addresses.
  SystemDnsSettings system;
  /// What the server says and cannot be used, each as a sentence for the log.
  std::vector<std::string> left_out;

  bool operator==(const DnsPlan&) const = default;
};

/// The names of all nodes and what the server says of DNS, as far as it is
/// usable: one wrong route must not cost all the others. A record whose name
/// is a single label is one of the mesh domain. nullopt: this node has no place
/// in the mesh, or the mesh no usable domain.
[[nodiscard]] std::optional<DnsPlan> MakeDnsPlan(const mesh::NetworkMap& map,
                                                 const std::string& interface);

/// The domains below in-addr.arpa or ip6.arpa that have the reverse names of
/// `prefix`: one, or as many as it takes to end at a label.
[[nodiscard]] std::vector<std::string> ReverseZones(const IpPrefix& prefix);

}  // namespace natkit::meshnode
