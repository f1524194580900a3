#pragma once

#include <map>
#include <optional>
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
  /// Changes the default resolvers alone.
  void SetDefault(const std::vector<Endpoint>& resolvers);

  /// Those of the longest suffix that `name` is within (else the default
  /// ones), those first that are not resting after a failure. May be empty.
  [[nodiscard]] std::vector<Endpoint> Choose(const Name& name,
                                             Instant now) const;

  /// The suffix of the route that `name` takes; nullopt: the default.
  [[nodiscard]] std::optional<Name> SuffixOf(const Name& name) const;

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

  using Routes = std::map<Name, std::vector<Endpoint>>;

  [[nodiscard]] Routes::const_iterator Match(const Name& name) const;
  [[nodiscard]] std::vector<Endpoint> Admit(
      const std::vector<Endpoint>& resolvers) const;
  /// Health is that of the resolvers in use.
  void RenewHealth();

  std::set<Endpoint> own_;
  Routes routes_;
  std::vector<Endpoint> default_;
  std::map<Endpoint, Health> health_;
};

}  // namespace natkit::dns
