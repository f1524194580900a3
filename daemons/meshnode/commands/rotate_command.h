#pragma once

namespace natkit::meshnode {

/// `meshnode rotate`: renders the next step of a change of key.
int RunRotate(int argc, char** argv);

}  // namespace natkit::meshnode
