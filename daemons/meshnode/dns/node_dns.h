#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "dns/dns_plan.h"
#include "dns/dns_service.h"
#include "dns/system_dns.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/rng.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/timer.h"

namespace natkit::meshnode {

/// Names on a node that joined: its DNS server on its mesh addresses, and the
/// system asking it. Nothing here ends the node: what fails is a warning, and
/// tried again.
class NodeDns {
 public:
  struct Options {
    bool changes_system = true;  ///< false: only the server runs
    uint16_t port = 53;
    SystemDnsPaths paths{};
  };

  /// The plan for the map as it is; nullopt: no names at present.
  using Planner = std::function<std::optional<DnsPlan>()>;

  /// `loop` and `rng` must outlive it. Undoes what an earlier process on
  /// `interface` left: names may be needed on the way into the mesh.
  NodeDns(io::EventLoop& loop, Rng& rng, std::string interface,
          Options options);
  NodeDns(const NodeDns&) = delete;
  NodeDns& operator=(const NodeDns&) = delete;

  /// From here on Refresh() has something to ask.
  void Start(Planner planner);
  /// The map changed: at once, or within a second if it changes all the time.
  void Refresh();
  /// Whether the system is to ask this node.
  void SetChangesSystem(bool changes);
  /// Everything as it was before; Refresh() does nothing any more.
  void Stop();

  /// How the system asks; nullopt: it does not.
  [[nodiscard]] std::optional<DnsBackend> backend() const {
    return system_.backend();
  }

  /// Where the server listens; empty: it does not run.
  [[nodiscard]] std::vector<Endpoint> local_endpoints() const;

  /// The system's own resolvers, as far as they are known.
  [[nodiscard]] const std::vector<Endpoint>& system_resolvers() const {
    return system_.resolvers();
  }

 private:
  void Apply();
  void Serve(const DnsPlan& plan);
  void SetUpSystem(const SystemDnsSettings& settings);
  void TakeResolvers(const std::vector<Endpoint>& resolvers);
  void TellLeftOut(const std::vector<std::string>& left_out);
  void EndServing();
  void RetryLater();

  io::EventLoop& loop_;
  Rng& rng_;
  std::string interface_;
  Options options_;
  Planner planner_;
  std::optional<DnsService> service_;
  std::vector<IpAddress> served_;   ///< where service_ listens
  bool has_own_resolvers_ = false;  ///< the mesh names resolvers for all names
  std::vector<std::string> told_;
  Duration retry_;
  bool is_resting_ = false;  ///< after a failure, until retry_timer_
  Instant next_apply_{};
  SystemDns system_;
  io::Timer apply_timer_;
  io::Timer retry_timer_;
};

}  // namespace natkit::meshnode
