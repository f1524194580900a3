#include <algorithm>
#include <array>
#include <cerrno>
#include <iostream>
#include <string_view>
#include <system_error>

#include "commands/change_commands.h"
#include "commands/check_command.h"
#include "commands/command_support.h"
#include "commands/completions_command.h"
#include "commands/debug_command.h"
#include "commands/down_command.h"
#include "commands/info_commands.h"
#include "commands/keys_command.h"
#include "commands/netcheck_command.h"
#include "commands/ping_command.h"
#include "commands/render_command.h"
#include "commands/rotate_command.h"
#include "commands/status_command.h"
#include "commands/up_command.h"
#include "commands/verify_command.h"
#include "commands/wg_command.h"

namespace natkit::meshnode {

namespace {

/// One `meshnode NAME ...`. Each command parses its own arguments; argv[0] is
/// then its name. Exit codes: 0 done, 1 failed, 2 wrong usage.
struct Command {
  std::string_view name;
  std::string_view summary;
  int (*run)(int argc, char** argv);
};

constexpr auto kCommands = std::to_array<Command>({
    {"up", "Run a node of a mesh", &RunUp},
    {"status", "Show a running node, its peers and their paths", &RunStatus},
    {"ping", "Ping a peer through the mesh and show the path", &RunPing},
    {"down", "Stop a running node", &RunDown},
    {"ip", "Print mesh addresses", &RunIp},
    {"whois", "Print whose a mesh address is", &RunWhois},
    {"wait", "Wait until the node is in its mesh", &RunWait},
    {"set", "Change settings of a running node", &RunSet},
    {"logout", "Leave the mesh", &RunLogout},
    {"rekey", "Change the node's key", &RunRekey},
    {"netcheck", "Look at what this network allows", &RunNetcheckCommand},
    {"debug", "Gather what helps to find a fault", &RunDebug},
    {"check", "Check a mesh file", &RunCheck},
    {"render", "Write files for wg-quick for every node", &RunRender},
    {"rotate", "Render the next step of a change of key", &RunRotate},
    {"verify", "Compare dumps of wg with a mesh file", &RunVerify},
    {"completions", "Print completions for a shell", &RunCompletions},
    {"genkey", "Make a private key", &RunGenkey},
    {"pubkey", "Derive the public key of a private key", &RunPubkey},
    {"genpsk", "Make a pre-shared key", &RunGenpsk},
    {"wg", "Run a userspace WireGuard interface", &RunWg},
});

void PrintUsage(std::ostream& out) {
  out << "Usage: meshnode COMMAND [ARGUMENTS]\n"
         "       meshnode --version\n\nCommands:\n";
  for (const Command& command : kCommands) {
    out << "  " << command.name
        << std::string(12 - std::min<size_t>(command.name.size(), 11), ' ')
        << command.summary << '\n';
  }
  out << "\n`meshnode COMMAND --help` tells more.\n";
}

int Main(int argc, char** argv) {
  const std::string_view name = argc > 1 ? argv[1] : "";
  if (name == "--help" || name == "-h" || name == "help") {
    PrintUsage(std::cout);
    return 0;
  }
  if (name == "--version") {
    std::cout << "meshnode (natkit) " NATKIT_VERSION "\n";
    return 0;
  }
  const auto* const command =
      std::ranges::find(kCommands, name, &Command::name);
  if (command != kCommands.end()) {
    return command->run(argc - 1, argv + 1);
  }
  if (!name.empty()) {
    std::cerr << "meshnode: unknown command '" << name << "'\n";
  }
  PrintUsage(std::cerr);
  return 2;
}

/// What a command did counts only if its output has arrived: a full disk must
/// not look like success.
int Finish(int code) {
  errno = 0;
  std::cout.flush();
  if (std::cout.good() || code != kExitOk) {
    return code;
  }
  std::cerr << "meshnode: cannot write the output"
            << (errno == 0 ? "" : ": " + std::generic_category().message(errno))
            << '\n';
  return kExitFailure;
}

}  // namespace

}  // namespace natkit::meshnode

int main(int argc, char** argv) {
  return natkit::meshnode::Finish(natkit::meshnode::Main(argc, argv));
}
