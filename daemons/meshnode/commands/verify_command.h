#pragma once

namespace natkit::meshnode {

/// `meshnode verify`: compares what `wg show` says on the hosts with a mesh
/// file. Exit status: 0 fine, 1 faults, 2 it could not compare.
int RunVerify(int argc, char** argv);

}  // namespace natkit::meshnode
