#pragma once

namespace natkit::meshnode {

/// `meshnode genkey`: prints a fresh private key, as `wg genkey` does.
int RunGenkey(int argc, char** argv);

/// `meshnode pubkey`: reads a private key from stdin and prints its public
/// key, as `wg pubkey` does.
int RunPubkey(int argc, char** argv);

/// `meshnode genpsk`: prints a fresh pre-shared key, as `wg genpsk` does.
int RunGenpsk(int argc, char** argv);

}  // namespace natkit::meshnode
