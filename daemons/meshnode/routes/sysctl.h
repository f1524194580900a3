#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "natkit/mesh/routing/route_plan.h"
#include "natkit/shell/outcome.h"

namespace natkit::meshnode {

/// A setting's name below /proc/sys with slashes ("net/ipv4/ip_forward") and
/// its value.
using Sysctls = std::map<std::string, std::string>;

/// Without the line's end; nullopt: this system does not have it.
[[nodiscard]] std::optional<std::string> ReadSysctl(const std::string& root,
                                                    const std::string& name);
[[nodiscard]] shell::Outcome<void> WriteSysctl(const std::string& root,
                                               const std::string& name,
                                               const std::string& value);

/// What is to be set for `wanted`, in this order: those that have other values.
/// An interface that takes its IPv6 routes from router advertisements goes on
/// to do so although the host forwards.
[[nodiscard]] std::vector<Sysctls::value_type> ForwardingChanges(
    const std::string& root, const routing::Forwarding& wanted);

/// "IP forwarding is off: ... net.ipv4.ip_forward ..."; nullopt: it is on.
[[nodiscard]] std::optional<std::string> ForwardingTrouble(
    const std::string& root, const routing::Forwarding& wanted);

}  // namespace natkit::meshnode
