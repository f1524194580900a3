#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "dns/guardian.h"
#include "natkit/base/log.h"
#include "natkit/io/unique_fd.h"
#include "natkit/mesh/routing/route_plan.h"
#include "natkit/shell/outcome.h"
#include "routes/route_undo.h"

namespace natkit::meshnode {

/// Makes the system as a routing::SystemPlan says, step by step, and undoes it:
/// in Stop(), or by a guardian process ("natkit-routes") when this one is
/// killed, or by the next Start().
///
/// The interface is somebody else's: it must be there and up while a plan is
/// applied. All of the node's sockets must carry RouteSettings::fwmark.
class RouteManager {
 public:
  RouteManager(RouteSettings settings, RoutePaths paths, LogSink log);
  /// Stop().
  ~RouteManager();
  RouteManager(const RouteManager&) = delete;
  RouteManager& operator=(const RouteManager&) = delete;

  /// Undoes what an earlier process left. The error is for the operator:
  /// another process has these tables, or the rights are missing.
  [[nodiscard]] shell::Outcome<void> Start();

  /// Changes what differs from the plan before. After an error the steps until
  /// then stay; the next call goes on from there.
  [[nodiscard]] shell::Outcome<void> Apply(const routing::SystemPlan& plan);

  void Stop();

  /// What is set up now.
  [[nodiscard]] const routing::SystemPlan& current() const { return current_; }

  /// What keeps advertised routes from working, in words: IP forwarding.
  /// Looks anew, since another may have switched it on or off.
  [[nodiscard]] std::optional<std::string> Trouble() const;

  /// 0: none.
  [[nodiscard]] pid_t guardian_pid() const;

 private:
  [[nodiscard]] shell::Outcome<void> TakeLock();
  [[nodiscard]] shell::Outcome<void> Do(const routing::Step& step);
  [[nodiscard]] shell::Outcome<void> Set(const IpAddress& address,
                                         routing::Step::Action action);
  [[nodiscard]] shell::Outcome<void> Set(const routing::PlannedRoute& route,
                                         routing::Step::Action action);
  [[nodiscard]] shell::Outcome<void> Set(const routing::PlannedRule& rule,
                                         routing::Step::Action action);
  [[nodiscard]] shell::Outcome<void> Set(const routing::Firewall& firewall,
                                         routing::Step::Action action);
  [[nodiscard]] shell::Outcome<void> Set(const routing::Forwarding& forwarding,
                                         routing::Step::Action action);
  [[nodiscard]] shell::Outcome<void> ChangeSysctl(const std::string& name,
                                                  const std::string& value);
  [[nodiscard]] shell::Outcome<void> WriteState() const;

  RouteSettings settings_;
  RoutePaths paths_;
  LogSink log_;
  routing::SystemPlan current_;
  RouteState state_;
  io::UniqueFd lock_;
  std::optional<Guardian> guardian_;
};

}  // namespace natkit::meshnode
