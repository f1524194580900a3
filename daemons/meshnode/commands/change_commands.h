#pragma once

namespace natkit::meshnode {

/// Changes settings of a running node that joined, or prints them.
int RunSet(int argc, char** argv);

/// Leaves the mesh and ends the node.
int RunLogout(int argc, char** argv);

/// Begins a change of the node's key; peers learn the next one first.
int RunRekey(int argc, char** argv);

}  // namespace natkit::meshnode
