#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "natkit/base/time.h"
#include "natkit/nat/upnp_request.h"
#include "natkit/shell/upnp_http.h"

namespace natkit::shell {

/// Does what a nat::UpnpClient asks for. Every call blocks, a search for some
/// seconds: use it on a thread that may wait, one call at a time. miniupnpc
/// reads what devices write; what they send is bounded before (kMaxUpnpBody,
/// and kDiscoveryLimit and kActionLimit for all of a call together).
class UpnpDevice {
 public:
  static constexpr Duration kDiscoveryLimit = std::chrono::seconds(12);
  static constexpr Duration kActionLimit = std::chrono::seconds(5);

  /// Of all that is sent (SO_MARK); 0: none. Before the first Do().
  void SetFwmark(uint32_t fwmark) { fwmark_ = fwmark; }

  /// Only a device whose description and control lie on the gateway itself is
  /// taken. A port that the device maps for somebody else is a conflict, also
  /// where the device would overwrite it.
  [[nodiscard]] nat::UpnpResult Do(const nat::UpnpRequest& request);

  /// Ends the present call and fails all later ones; from any thread.
  void Stop() { stop_.Raise(); }

 private:
  /// What maps ports at a device.
  struct Service {
    HttpUrl control;
    std::string type;
  };

  struct Answer {
    nat::UpnpError error = nat::UpnpError::kNone;
    std::string body;
  };

  using Arguments = std::vector<std::pair<std::string_view, std::string>>;

  [[nodiscard]] nat::UpnpResult Discover(const nat::UpnpRequest& request,
                                         Instant deadline);
  [[nodiscard]] bool TryDescription(const HttpUrl& location, Instant deadline,
                                    nat::UpnpResult& result);
  [[nodiscard]] bool TryService(Service service, Instant deadline,
                                nat::UpnpResult& result);
  [[nodiscard]] nat::UpnpError Add(const nat::UpnpRequest& request,
                                   Instant deadline) const;
  [[nodiscard]] nat::UpnpError Delete(const nat::UpnpRequest& request,
                                      Instant deadline) const;
  [[nodiscard]] Answer AskEntry(const nat::UpnpRequest& request,
                                Instant deadline) const;
  [[nodiscard]] std::optional<Duration> AskLease(
      const nat::UpnpRequest& request, Instant deadline) const;
  [[nodiscard]] bool IsTaken(const nat::UpnpRequest& request,
                             Instant deadline) const;
  [[nodiscard]] Answer Call(const Service& service, std::string_view action,
                            const Arguments& arguments, Instant deadline) const;

  uint32_t fwmark_ = 0;
  StopSignal stop_;
  std::optional<Service> found_;
};

}  // namespace natkit::shell
