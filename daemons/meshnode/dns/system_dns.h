#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "dns/guardian.h"
#include "dns/programs.h"
#include "dns/resolv_conf.h"
#include "dns/setup_slot.h"
#include "dns/setup_state.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/log.h"
#include "natkit/base/time.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/file_watcher.h"
#include "natkit/shell/outcome.h"

namespace natkit::meshnode {

/// Where things are; tests have their own.
struct SystemDnsPaths {
  std::string resolv_conf = "/etc/resolv.conf";
  /// Kept over restarts of the system, as what was changed is.
  std::string state_folder = "/var/lib/natkit";
  /// Where systemd-resolved lists the resolvers of all links.
  std::string resolved_conf = "/run/systemd/resolve/resolv.conf";
  Programs programs{};
};

struct SystemDnsSettings {
  std::string interface;           ///< of the mesh
  std::vector<IpAddress> servers;  ///< where the node's DNS server listens
  /// Domains that are tried for short names: the mesh's, and more.
  std::vector<std::string> search;
  /// Further suffixes that the server answers or routes (split DNS).
  std::vector<std::string> routed;
  /// All other names are its business too.
  bool takes_all = false;

  bool operator==(const SystemDnsSettings&) const = default;
};

struct SystemDnsHandlers {
  /// The resolvers that the system has besides: others' names go there. Called
  /// by Start() and whenever they change.
  std::function<void(const std::vector<Endpoint>& resolvers)> on_resolvers;
  LogSink log;
};

/// Has the system ask the node's DNS server, and undoes it: in Stop(), or by a
/// guardian process when this one is killed, or by the next Start() when the
/// whole machine went down.
///
/// Calls wait for the system's programs, mostly some milliseconds, 10 s each at
/// most.
class SystemDns {
 public:
  /// More rewrites by others within a minute than this, and it gives in.
  static constexpr size_t kMaxRewrites = 5;

  /// `loop` must outlive it.
  SystemDns(io::EventLoop& loop, SystemDnsPaths paths,
            SystemDnsHandlers handlers);
  /// Stop().
  ~SystemDns();
  SystemDns(const SystemDns&) = delete;
  SystemDns& operator=(const SystemDns&) = delete;

  /// Undoes what an earlier process left, for `interface` or in resolv.conf.
  /// Start() does so too.
  void Recover(const std::string& interface);
  /// Undoes what an earlier process left, then sets up. Without `backend` it
  /// takes what the system uses. The error is for the operator, and nothing
  /// has changed then.
  [[nodiscard]] shell::Outcome<void> Start(std::optional<DnsBackend> backend,
                                           const SystemDnsSettings& settings);
  /// Changes to other settings of the same interface; only after Start().
  [[nodiscard]] shell::Outcome<void> Update(const SystemDnsSettings& settings);
  /// Undoes everything.
  void Stop();

  /// What is in use; nullopt while stopped.
  [[nodiscard]] std::optional<DnsBackend> backend() const;

  /// Those that on_resolvers was told last.
  [[nodiscard]] const std::vector<Endpoint>& resolvers() const {
    return resolvers_;
  }

  /// 0 while stopped.
  [[nodiscard]] pid_t guardian_pid() const;

 private:
  [[nodiscard]] std::vector<DnsBackend> Detect() const;
  [[nodiscard]] bool UsesResolved() const;
  [[nodiscard]] bool UsesResolvconf() const;
  void RecoverSlot(const std::string& slot);
  [[nodiscard]] shell::Outcome<void> StartWith(DnsBackend backend);
  [[nodiscard]] shell::Outcome<void> Apply();
  [[nodiscard]] shell::Outcome<void> ApplyResolved();
  [[nodiscard]] shell::Outcome<void> ApplyResolvconf();
  [[nodiscard]] shell::Outcome<void> ApplyFile();
  [[nodiscard]] shell::Outcome<void> Adopt();
  [[nodiscard]] shell::Outcome<void> Rewrite();
  void Watch();
  void OnFileChange();
  void OnOriginalChange();
  [[nodiscard]] bool MayRewrite();
  void TellResolvers(const ResolvConf& conf);
  void TellResolved();
  void GiveBack();
  void Warn(const std::string& text) const;

  io::EventLoop& loop_;
  SystemDnsPaths paths_;
  SystemDnsHandlers handlers_;
  SystemDnsSettings settings_;
  std::optional<SetupSlot> slot_;
  std::optional<Guardian> guardian_;
  SetupState state_;
  bool is_applied_ = false;
  ResolvConf original_;
  std::vector<Endpoint> resolvers_;  // as they were told
  std::deque<Instant> rewrites_;
  std::optional<io::FileWatcher> file_watcher_;
  std::optional<io::FileWatcher> original_watcher_;
};

}  // namespace natkit::meshnode
