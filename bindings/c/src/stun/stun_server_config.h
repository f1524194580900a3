#pragma once

#include "natkit/base/result.h"
#include "natkit/nat/stun_server.h"
#include "natkit/stun_server.h"

namespace natkit::c {

/// What a caller wants of a server; nothing that the server's constructor
/// aborts at is left. Errors: kBadArgument, and those of names and passwords.
[[nodiscard]] Result<stun::ServerConfig> ToServerConfig(
    const natkit_stun_server_config& given);

}  // namespace natkit::c
