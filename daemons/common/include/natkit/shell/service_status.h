#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "natkit/base/time.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/timer.h"

namespace natkit::shell {

/// Tells the service manager how the program is (sd_notify(3)): that it is
/// ready, that it stops, and, where the unit has a watchdog, that its loop
/// turns. Without $NOTIFY_SOCKET it tells nobody.
class ServiceStatus {
 public:
  /// Reads $NOTIFY_SOCKET, $WATCHDOG_USEC and $WATCHDOG_PID. `loop` must
  /// outlive it.
  explicit ServiceStatus(io::EventLoop& loop);
  ServiceStatus(const ServiceStatus&) = delete;
  ServiceStatus& operator=(const ServiceStatus&) = delete;

  /// The program serves; the watchdog is fed from here on.
  void Ready();
  void Stopping();

 private:
  void Send(std::string_view state) const;
  void Feed();

  std::string socket_;  ///< empty: nobody listens
  std::optional<Duration> watchdog_;
  io::Timer timer_;
};

}  // namespace natkit::shell
