#pragma once

namespace natkit::meshnode {

/// `meshnode render`: writes the files of wg-quick for every node of a mesh
/// file.
int RunRender(int argc, char** argv);

}  // namespace natkit::meshnode
