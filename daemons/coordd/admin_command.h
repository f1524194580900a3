#pragma once

namespace natkit::coordd {

/// Runs `coordd users ...` and the like. The exit status: 0 done; 1 refused,
/// denied or a failing test; 2 wrong usage; 3 no server answers.
[[nodiscard]] int RunAdminCommand(int argc, char** argv);

}  // namespace natkit::coordd
