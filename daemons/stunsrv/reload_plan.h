#pragma once

#include "settings.h"

namespace natkit::stunsrv {

/// Whether sockets for `after` cannot be opened while those of `before` are:
/// the server stands in its own way, as when it moves from all addresses to
/// one of them at the same port.
[[nodiscard]] bool MustReleaseFirst(const Settings& before,
                                    const Settings& after);

/// `before` without the listeners that `after` has not.
[[nodiscard]] Settings KeptOf(const Settings& before, const Settings& after);

}  // namespace natkit::stunsrv
