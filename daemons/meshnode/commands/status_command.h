#pragma once

namespace natkit::meshnode {

/// `meshnode status`: prints what a running node knows, as a table or JSON.
int RunStatus(int argc, char** argv);

}  // namespace natkit::meshnode
