#pragma once

namespace natkit::meshnode {

/// Prints a script for bash, zsh or fish. It asks the program itself for its
/// commands, options and peers, so that it does not grow old.
int RunCompletions(int argc, char** argv);

}  // namespace natkit::meshnode
