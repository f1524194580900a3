#include "natkit/shell/command_line.h"

#include "natkit/shell/logging.h"

namespace natkit::shell {

void AddCommonOptions(CLI::App& app, CommonOptions& options) {
  app.set_version_flag("--version",
                       app.get_name() + " (natkit) " NATKIT_VERSION);
  app.add_option("--log-level", options.log_level,
                 "debug, info, warning or error; default info");
}

void AddConfigOption(CLI::App& app, std::string& file,
                     const std::string& help) {
  app.add_option("--config", file, help)->check([](const std::string& name) {
    return std::string(name.empty() ? "the name of the file is empty" : "");
  });
}

std::optional<int> ParseCommandLine(CLI::App& app, int argc, char** argv) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // exit() prints help, version or the mistake; 0 for the first two.
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  return std::nullopt;
}

Outcome<LogLevel> ChooseLogLevel(const CommonOptions& options,
                                 const std::string& from_file) {
  const std::string& text =
      options.log_level.empty() ? from_file : options.log_level;
  return text.empty() ? Outcome<LogLevel>(LogLevel::kInfo)
                      : ParseLogLevel(text);
}

}  // namespace natkit::shell
