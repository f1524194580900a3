#pragma once

namespace natkit::meshnode {

/// `meshnode netcheck`: what this host's network allows, as the servers of its
/// mesh see it. Exit code 1 when none of them answers.
int RunNetcheckCommand(int argc, char** argv);

}  // namespace natkit::meshnode
