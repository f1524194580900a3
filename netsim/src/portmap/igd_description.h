#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "natkit/base/endpoint.h"

namespace natkit::netsim::portmap {

inline constexpr std::string_view kWanIpConnection =
    "urn:schemas-upnp-org:service:WANIPConnection:2";
inline constexpr std::string_view kWanCommonInterfaceConfig =
    "urn:schemas-upnp-org:service:WANCommonInterfaceConfig:1";

inline constexpr std::string_view kControlPathIp = "/ctl/IPConn";
inline constexpr std::string_view kControlPathCommon = "/ctl/CmnIfCfg";

/// The XML document at a path: the device description, or what a service can
/// do. nullopt if there is none.
[[nodiscard]] std::optional<std::string> IgdDocument(std::string_view path,
                                                     const IpAddress& server);

}  // namespace natkit::netsim::portmap
