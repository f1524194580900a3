#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/endpoint.h"

namespace natkit::netsim::portmap {

/// The datagrams that answer one SSDP search (UPnP Device Architecture 1.1
/// section 1.3.3); none for other messages and for searches for what we are
/// not. `http` is where the description is served, `boot_id` grows by one
/// with each reboot.
[[nodiscard]] std::vector<std::vector<uint8_t>> AnswerSearch(
    std::string_view datagram, const Endpoint& http, uint32_t boot_id);

}  // namespace natkit::netsim::portmap
