#include "commands/keys_command.h"

#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <iostream>

#include "commands/command_support.h"
#include "natkit/base/encoding.h"
#include "natkit/base/keys.h"

namespace natkit::meshnode {

namespace {

constexpr size_t kKeyTextSize = 44;  // base64 of 32 bytes

void WarnIfOthersMayRead(const char* command) {
  struct stat info{};
  if (fstat(STDOUT_FILENO, &info) == 0 && S_ISREG(info.st_mode) &&
      (info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    std::cerr << "meshnode " << command
              << ": warning: other users may read the file that the key is "
                 "written to; run `umask 077` first, or `chmod 600` it now\n";
  }
}

/// Unbuffered, so that no copy of the key stays behind in stdio.
int PrintSecret(const char* command, ByteView key) {
  WarnIfOthersMayRead(command);
  std::string text = ToBase64(key);
  text += '\n';
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t n =
        write(STDOUT_FILENO, text.data() + done, text.size() - done);
    if (n <= 0) {
      break;
    }
    done += static_cast<size_t>(n);
  }
  const bool is_complete = done == text.size();
  WipeBytes({reinterpret_cast<uint8_t*>(text.data()), text.size()});
  return is_complete ? kExitOk : FailWith(command, "cannot write the key");
}

/// Reads stdin up to its end; nullopt when it is not one key and white space.
std::optional<StaticPrivateKey> ReadKeyFromStdin() {
  std::array<char, kKeyTextSize + 20> text{};  // room for white space
  size_t size = 0;
  while (size < text.size()) {
    const ssize_t n =
        read(STDIN_FILENO, text.data() + size, text.size() - size);
    if (n <= 0) {
      break;
    }
    size += static_cast<size_t>(n);
  }
  std::string_view view(text.data(), size);
  std::optional<StaticPrivateKey> key;
  const std::string_view rest = view.substr(std::min(kKeyTextSize, size));
  if (size < text.size() &&
      rest.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    if (auto parsed = PrivateKeyFromBase64(view.substr(0, kKeyTextSize))) {
      key = std::move(*parsed);
    }
  }
  WipeBytes({reinterpret_cast<uint8_t*>(text.data()), text.size()});
  return key;
}

}  // namespace

int RunGenkey(int argc, char** argv) {
  CLI::App app("Prints a fresh private key.", "meshnode genkey");
  if (const auto code = ParseArguments(app, argc, argv)) {
    return *code;
  }
  SystemRng rng;
  const StaticPrivateKey key = GeneratePrivateKey(rng);
  return PrintSecret("genkey", key.Expose());
}

int RunPubkey(int argc, char** argv) {
  CLI::App app("Reads a private key from stdin, prints its public key.",
               "meshnode pubkey");
  if (const auto code = ParseArguments(app, argc, argv)) {
    return *code;
  }
  const auto key = ReadKeyFromStdin();
  if (!key) {
    return FailWith("pubkey",
                    "stdin must hold one private key of 44 characters, as "
                    "`meshnode genkey` prints it");
  }
  std::cout << DerivePublicKey(*key).ToBase64() << '\n';
  return kExitOk;
}

int RunGenpsk(int argc, char** argv) {
  CLI::App app("Prints a fresh pre-shared key.", "meshnode genpsk");
  if (const auto code = ParseArguments(app, argc, argv)) {
    return *code;
  }
  SystemRng rng;
  PresharedKey key;
  rng.Fill(key.ExposeMutable());
  return PrintSecret("genpsk", key.Expose());
}

}  // namespace natkit::meshnode
