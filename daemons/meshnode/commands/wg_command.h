#pragma once

namespace natkit::meshnode {

/// `meshnode wg IFNAME`: runs a userspace WireGuard interface in the
/// foreground until SIGINT, SIGTERM or the interface's deletion. It is
/// configured with the `wg` and `ip` tools.
int RunWg(int argc, char** argv);

}  // namespace natkit::meshnode
