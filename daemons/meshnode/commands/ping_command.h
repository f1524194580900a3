#pragma once

namespace natkit::meshnode {

/// `meshnode ping PEER`: echo requests through the tunnel, each reply with the
/// path it came by. Exit code 1 when no reply comes.
int RunPing(int argc, char** argv);

}  // namespace natkit::meshnode
