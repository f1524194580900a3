#pragma once

namespace natkit::meshnode {

/// `meshnode check MESH.TOML [--strict]`: prints every finding with its line
/// and a summary. Exit code 0: usable, 1: not (--strict: or has warnings), 2:
/// usage.
int RunCheck(int argc, char** argv);

}  // namespace natkit::meshnode
