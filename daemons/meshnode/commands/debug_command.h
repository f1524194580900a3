#pragma once

namespace natkit::meshnode {

/// Gathers what helps to find a fault in a new folder.
int RunDebug(int argc, char** argv);

}  // namespace natkit::meshnode
