#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "inherited_sockets.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/rng.h"
#include "natkit/shell/outcome.h"
#include "partner_shell.h"
#include "settings.h"
#include "udp_worker.h"

namespace natkit::stunsrv {

/// STUN over UDP: threads that share every address by SO_REUSEPORT, each source
/// always on the same thread, so that its limits hold.
class UdpService {
 public:
  explicit UdpService(Rng& rng) : rng_(rng), salt_(rng.NextU32()) {}

  /// Opens what `settings` name, less what was inherited, and starts the
  /// threads. Their number stays.
  [[nodiscard]] shell::Outcome<void> Start(const Settings& settings,
                                           InheritedSockets& inherited);
  /// Changes to other settings. Addresses in both go on without a loss. On
  /// error nothing has changed.
  [[nodiscard]] shell::Outcome<void> Reload(const Settings& settings);

  /// Answers what has arrived and ends the threads; counters stay.
  void Stop();
  /// Returns once every thread goes by the last Reload().
  void WaitForUpdate();

  /// The bound addresses with their actual ports.
  [[nodiscard]] std::vector<Endpoint> local_endpoints() const;
  [[nodiscard]] UdpCounters counters() const;

  [[nodiscard]] const PartnerShell* partner() const { return partner_.get(); }

  [[nodiscard]] size_t thread_count() const { return workers_.size(); }

 private:
  /// The sockets of one address: one for each worker, or one alone.
  using Group = std::vector<SharedSocket>;
  using Groups = std::map<Endpoint, Group>;

  [[nodiscard]] shell::Outcome<Groups> OpenAll(const Settings& settings,
                                               const Groups& existing) const;
  [[nodiscard]] Result<Group> Open(const Endpoint& local,
                                   size_t receive_buffer) const;
  [[nodiscard]] Group Share(io::BatchSocket first,
                            const io::BatchSocketOptions& options) const;
  [[nodiscard]] shell::Outcome<std::shared_ptr<PartnerShell>> OpenPartner(
      const Settings& settings) const;
  [[nodiscard]] UdpWorker::State StateFor(size_t index,
                                          const Settings& settings) const;

  Rng& rng_;
  uint32_t salt_;  // one for all: a source has the same thread on each address
  size_t thread_count_ = 1;
  Groups groups_;     // by the address in the settings; port 0 stays 0
  Groups inherited_;  // not in the settings
  std::shared_ptr<PartnerShell> partner_;
  std::vector<std::unique_ptr<UdpWorker>> workers_;
};

}  // namespace natkit::stunsrv
