#pragma once

#include <map>
#include <set>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"
#include "natkit/mesh/dns/dns_config.h"
#include "natkit/mesh/dns/dns_name.h"

namespace natkit::dns {

/// Which resolvers a name goes to, and which of them answered lately. Pure.
class Upstreams {
 public:
  /// Drops resolvers that are this server itself. Health of resolvers that
  /// stay is kept.
  void Reset(const DnsConfig& config);

  /// Those of the longest suffix that `name` is within (else the default
  /// ones), those first that are not resting after a failure. May be empty.
  [[nodiscard]] std::vector<Endpoint> Choose(const Name& name,
                                             Instant now) const;

  /// It did not answer: it comes last for 5 s, twice as long for each further
  /// failure, up to 80 s. True if it was well before.
  bool NoteFailure(const Endpoint& upstream, Instant now);
  /// It answered. True if it had failed before.
  bool NoteSuccess(const Endpoint& upstream);

 private:
  struct Health {
    int failures = 0;
    Instant rests_until{};
  };

  [[nodiscard]] const std::vector<Endpoint>& Match(const Name& name) const;
  std::vector<Endpoint> Admit(const std::vector<Endpoint>& resolvers,
                              const std::set<Endpoint>& own);

  std::map<Name, std::vector<Endpoint>> routes_;
  std::vector<Endpoint> default_;
  std::map<Endpoint, Health> health_;
};

}  // namespace natkit::dns
