#pragma once

namespace natkit::meshnode {

/// `meshnode down`: stops a running node and waits until it has cleaned up.
int RunDown(int argc, char** argv);

}  // namespace natkit::meshnode
