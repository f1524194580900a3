#include <array>
#include <cstdio>
#include <exception>
#include <string>
#include <utility>

#include "daemon.h"
#include "inherited_sockets.h"
#include "natkit/base/rng.h"
#include "natkit/shell/descriptors.h"
#include "natkit/shell/logging.h"
#include "natkit/shell/outcome.h"
#include "options.h"

namespace natkit::stunsrv {

namespace {

int Fail(const std::string& text, int code) {
  std::fprintf(stderr, "stunsrv: %s\n", text.c_str());
  return code;
}

int Main(int argc, char** argv) {
  auto line = ParseCommandLine(argc, argv);
  if (!line) {
    return line.error();
  }
  auto settings = LoadSettings(*line);
  if (!settings) {
    for (const std::string& error : settings.error()) {
      Fail(error, shell::kExitUsage);
    }
    return shell::kExitUsage;
  }
  const size_t descriptors = shell::RaiseDescriptorLimit();
  const std::array warnings = {FitConnections(descriptors, *settings),
                               DoubtfulPolicy(*settings)};
  if (line->is_check) {
    for (const auto& warning : warnings) {
      if (warning) {
        std::fprintf(stderr, "stunsrv: %s\n", warning->c_str());
      }
    }
    if (const auto checked = CheckFiles(*settings); !checked) {
      return Fail(checked.error(), shell::kExitUsage);
    }
    std::puts("stunsrv: the configuration is fine");
    return shell::kExitOk;
  }
  shell::SetUpLogging("stunsrv", settings->log_level);
  for (const auto& warning : warnings) {
    if (warning) {
      shell::Log(LogLevel::kWarning, *warning);
    }
  }
  auto inherited = TakeInheritedSockets();
  if (!inherited) {
    return Fail(inherited.error(), shell::kExitFailure);
  }
  SystemRng rng;
  Daemon daemon(*std::move(line), descriptors, rng);
  const auto started = daemon.Start(*settings, *std::move(inherited));
  if (!started) {
    return Fail(started.error(), shell::kExitFailure);
  }
  daemon.Run();
  return shell::kExitOk;
}

}  // namespace

}  // namespace natkit::stunsrv

int main(int argc, char** argv) {
  try {
    return natkit::stunsrv::Main(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "stunsrv: %s\n", error.what());
    return natkit::shell::kExitFailure;
  }
}
