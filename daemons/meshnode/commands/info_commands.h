#pragma once

namespace natkit::meshnode {

/// Prints mesh addresses of this node or of a peer.
int RunIp(int argc, char** argv);

/// Prints whose a mesh address is.
int RunWhois(int argc, char** argv);

/// Waits until the node is in its mesh, or a peer answers.
int RunWait(int argc, char** argv);

}  // namespace natkit::meshnode
