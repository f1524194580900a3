#include <cstdio>
#include <exception>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "admin_access.h"
#include "admin_command.h"
#include "daemon.h"
#include "natkit/base/rng.h"
#include "natkit/base/text.h"
#include "natkit/shell/command_line.h"
#include "natkit/shell/descriptors.h"
#include "natkit/shell/files.h"
#include "natkit/shell/logging.h"
#include "settings.h"

namespace natkit::coordd {

namespace {

constexpr char kCommands[] =
    "Commands:\n"
    "  users        People who own nodes\n"
    "  nodes        Machines of the mesh\n"
    "  routes       Networks behind nodes\n"
    "  keys         Keys that let nodes join\n"
    "  tokens       Tokens for the HTTPS API\n"
    "  relays       Relays that nodes use\n"
    "  dns          Names that nodes resolve\n"
    "  policy       Who may reach whom\n"
    "  events       What happened\n"
    "  backup       Copy the store while it runs\n"
    "  status       Show the server\n"
    "\n`coordd COMMAND --help` tells more.";

struct CommandLine {
  CLI::App app{"The coordination server of a natkit mesh.", "coordd"};
  std::string config;
  std::string check;
  bool is_dev = false;
  DevOptions dev;
  shell::CommonOptions common;
};

void AddOptions(CommandLine& line) {
  CLI::App& app = line.app;
  app.footer(kCommands);
  shell::AddCommonOptions(app, line.common);
  shell::AddConfigOption(app, line.config, "run with this file (coordd.toml)");
  app.add_option("--check", line.check,
                 "check such a file and what it names, and exit");
  app.add_flag("--dev", line.is_dev,
               "run a server to try things with: makes all it needs, with a "
               "relay, and prints how to join");
  app.add_option("--dir", line.dev.folder,
                 "with --dev: the folder for its files; default "
                 "~/.local/state/coordd-dev")
      ->needs("--dev");
  app.add_option("--listen", line.dev.listen,
                 "with --dev: address and port; default 127.0.0.1:8443")
      ->needs("--dev");
  app.get_option("--config")->excludes("--check")->excludes("--dev");
  app.get_option("--check")->excludes("--dev");
}

int Fail(const std::string& text, int status) {
  std::fprintf(stderr, "coordd: %s\n", EscapeControls(text, "\n").c_str());
  return status;
}

std::expected<Settings, int> LoadFile(const std::string& path) {
  const auto text = shell::ReadFile(path);
  if (!text) {
    return std::unexpected(Fail(text.error(), shell::kExitUsage));
  }
  auto settings = ParseSettings(path, *text);
  if (!settings) {
    for (const std::string& error : settings.error()) {
      Fail(error, shell::kExitUsage);
    }
    return std::unexpected(int{shell::kExitUsage});
  }
  return std::move(*settings);
}

/// What is wrong with the folders of a server that is to start.
std::expected<void, int> RequireFolders(const Settings& settings) {
  const std::vector<std::string> wrong = CheckFolders(settings);
  for (const std::string& error : wrong) {
    Fail(error, shell::kExitUsage);
  }
  return wrong.empty() ? std::expected<void, int>()
                       : std::unexpected(int{shell::kExitUsage});
}

/// What the file names is looked at too. Of the folders it only warns: a
/// service manager makes them when it starts the server.
int Check(const std::string& path) {
  const auto settings = LoadFile(path);
  if (!settings) {
    return settings.error();
  }
  for (const std::string& warning : CheckFolders(*settings)) {
    Fail("warning: " + warning, shell::kExitOk);
  }
  int status = shell::kExitOk;
  if (const auto access =
          AdminAccess::Resolve(settings->admin_users, settings->admin_groups);
      !access) {
    status = Fail(access.error(), shell::kExitUsage);
  }
  const auto identity = LoadIdentity(*settings, ServerMode::kNormal, true);
  if (!identity) {
    status = Fail(identity.error(), shell::kExitUsage);
  }
  if (!settings->policy_file.empty()) {
    const auto text = shell::ReadFile(settings->policy_file);
    if (!text) {
      return Fail(text.error(), shell::kExitUsage);
    }
    const CheckedPolicy checked =
        CheckPolicy(*text, {settings->registry.ipv4, settings->registry.ipv6});
    for (const std::string& finding :
         FindingsOf(settings->policy_file, checked.diagnostics)) {
      std::fprintf(stderr, "%s\n", EscapeControls(finding).c_str());
    }
    if (!checked.compiled) {
      status = shell::kExitUsage;
    }
  }
  if (status == shell::kExitOk) {
    std::puts("coordd: the configuration is fine");
  }
  return status;
}

int Run(Settings settings, ServerMode mode, const CommandLine& line) {
  if (!line.common.log_level.empty()) {
    const auto level = shell::ParseLogLevel(line.common.log_level);
    if (!level) {
      return Fail(level.error(), shell::kExitUsage);
    }
    settings.log_level = *level;
  }
  shell::SetUpLogging("coordd", settings.log_level, settings.log_format);
  // Some descriptors are for the store, the listeners and the administrator.
  constexpr size_t kReserved = 64;
  const size_t descriptors = shell::RaiseDescriptorLimit();
  if (descriptors < settings.max_connections + kReserved) {
    settings.max_connections =
        descriptors > 2 * kReserved ? descriptors - kReserved : kReserved;
    shell::Log(LogLevel::kInfo, "the limit of open files allows " +
                                    std::to_string(settings.max_connections) +
                                    " connections");
  }
  SystemRng rng;
  Daemon daemon(std::move(settings), mode, rng);
  if (const auto started = daemon.Start(); !started) {
    return Fail(started.error(), shell::kExitFailure);
  }
  const bool is_good = daemon.Run();
  shell::Log(LogLevel::kInfo, "stopped");
  return is_good ? shell::kExitOk : shell::kExitFailure;
}

/// A secret is shown once: output that was lost is no success.
int FinishOutput(int status) {
  std::cout.flush();
  const bool is_written =
      std::fflush(stdout) == 0 && std::ferror(stdout) == 0 && std::cout.good();
  if (is_written || status != shell::kExitOk) {
    return status;
  }
  return Fail("the output could not be written", shell::kExitFailure);
}

int Main(int argc, char** argv) {
  if (argc > 1 && argv[1][0] != '-') {
    return RunAdminCommand(argc, argv);
  }
  CommandLine line;
  AddOptions(line);
  if (const auto status = shell::ParseCommandLine(line.app, argc, argv)) {
    return *status;
  }
  if (!line.check.empty()) {
    return Check(line.check);
  }
  if (line.is_dev) {
    auto settings = MakeDevSettings(line.dev);
    return settings ? Run(std::move(*settings), ServerMode::kDev, line)
                    : Fail(settings.error(), shell::kExitUsage);
  }
  if (line.config.empty()) {
    return Fail("say --config FILE, or --dev to try it; --help tells more",
                shell::kExitUsage);
  }
  auto settings = LoadFile(line.config);
  if (!settings) {
    return settings.error();
  }
  if (const auto folders = RequireFolders(*settings); !folders) {
    return folders.error();
  }
  return Run(std::move(*settings), ServerMode::kNormal, line);
}

int FinishedMain(int argc, char** argv) {
  return FinishOutput(Main(argc, argv));
}

}  // namespace

}  // namespace natkit::coordd

int main(int argc, char** argv) {
  try {
    return natkit::coordd::FinishedMain(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "coordd: %s\n", error.what());
    return natkit::shell::kExitFailure;
  }
}
