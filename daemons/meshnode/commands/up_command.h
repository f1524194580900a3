#pragma once

namespace natkit::meshnode {

/// `meshnode up`: runs a node in the foreground until SIGINT, SIGTERM or
/// `meshnode down`.
int RunUp(int argc, char** argv);

}  // namespace natkit::meshnode
