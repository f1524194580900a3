#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"
#include "natkit/io/unique_fd.h"
#include "natkit/shell/upnp_http.h"

namespace natkit::shell {

/// The LOCATION of an answer to a search; nullopt for everything else.
[[nodiscard]] std::optional<HttpUrl> ParseSsdpAnswer(std::string_view datagram);

/// Searches a gateway's descriptions by SSDP: asks all devices of the network
/// and the gateway itself, three times. What is not from the gateway, or points
/// away from it, is passed over.
class SsdpSearch {
 public:
  /// Different locations that are tried at most.
  static constexpr size_t kMaxLocations = 8;

  struct Place {
    IpAddress gateway;    ///< whose descriptions are wanted
    IpAddress local;      ///< this host's, to send from
    uint32_t fwmark = 0;  ///< of what is sent (SO_MARK); 0: none
  };

  SsdpSearch(const Place& place, Instant now);

  /// The next one; nullopt when time is up.
  [[nodiscard]] std::optional<HttpUrl> Next(const StopSignal& stop);

 private:
  void SendRound();
  [[nodiscard]] std::optional<HttpUrl> Receive();

  IpAddress gateway_;
  io::UniqueFd socket_;
  Instant next_round_;
  Instant end_;
  int rounds_ = 0;
  std::set<std::string> seen_;
};

}  // namespace natkit::shell
