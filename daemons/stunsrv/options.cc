#include "options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>

#include "natkit/shell/command_line.h"
#include "natkit/shell/config_reader.h"
#include "natkit/shell/files.h"
#include "raw_settings.h"
#include "settings_check.h"

namespace natkit::stunsrv {

namespace {

constexpr char kFooter[] =
    "The file has the long options as keys, with '_' for '-', and more: see "
    "stunsrv(8).\nSIGHUP reads it again; SIGTERM ends.";

void ReadFileKeys(shell::ConfigReader& reader, RawSettings& raw) {
  constexpr size_t kMaxBuckets = size_t{1} << 24U;
  reader.Strings("listen", raw.listen);
  reader.Strings("listen_tcp", raw.listen_tcp);
  reader.Strings("listen_tls", raw.listen_tls);
  reader.String("certificate", raw.certificate);
  reader.String("private_key", raw.private_key);
  reader.Count("threads", 0, 64, raw.threads);
  reader.Count("receive_buffer", 0, size_t{1} << 30U, raw.receive_buffer);
  reader.Seconds("gather_time", raw.gather_time);
  reader.String("answer", raw.answer);
  reader.String("amplification", raw.amplification);
  reader.Flag("rfc3489", raw.rfc3489);
  reader.String("software", raw.software);
  reader.String("credentials", raw.credentials);
  reader.String("realm", raw.realm);
  reader.String("users_file", raw.users_file);
  reader.String("alternate_server", raw.alternate_server);
  reader.Count("rate_limit", 0, 1'000'000, raw.rate_limit);
  reader.Count("rate_burst", 1, 1'000'000, raw.rate_burst);
  reader.Count("source_buckets", 1, kMaxBuckets, raw.source_buckets);
  reader.Flag("discovery", raw.discovery);
  reader.Strings("discovery_addresses", raw.discovery_addresses);
  reader.Strings("discovery_advertised", raw.discovery_advertised);
  reader.Count("discovery_port", 1, 65535, raw.discovery_port);
  reader.Count("discovery_other_port", 1, 65535, raw.discovery_other_port);
  reader.Strings("partner_addresses", raw.partner_addresses);
  reader.String("partner_listen", raw.partner_listen);
  reader.String("partner_link", raw.partner_link);
  reader.String("partner_secret_file", raw.partner_secret_file);
  reader.Count("max_connections", 1, 1'000'000, raw.max_connections);
  reader.Count("max_connections_per_source", 1, 1'000'000,
               raw.max_connections_per_source);
  reader.Seconds("idle_timeout", raw.idle_timeout);
  reader.String("metrics_listen", raw.metrics_listen);
  reader.String("log_level", raw.log_level);
}

void Override(const CommandLine& line, RawSettings& raw) {
  if (!line.listen.empty()) {
    raw.listen = line.listen;
  }
  if (!line.rate_limit.empty()) {
    raw.rate_limit = line.rate_limit.back();
  }
  if (!line.threads.empty()) {
    raw.threads = line.threads.back();
  }
  if (!line.amplification.empty()) {
    raw.amplification = line.amplification;
  }
  if (line.is_quiet) {
    raw.log_level = "warning";
  }
  if (!line.log_level.empty()) {
    raw.log_level = line.log_level;
  }
}

bool IsOverridden(const CommandLine& line, std::string_view key) {
  return (key == "listen" && !line.listen.empty()) ||
         (key == "amplification" && !line.amplification.empty()) ||
         (key == "log_level" && !line.log_level.empty());
}

}  // namespace

std::expected<CommandLine, int> ParseCommandLine(int argc, char** argv) {
  CLI::App app("Answers STUN Binding requests (RFC 8489, RFC 5780).",
               "stunsrv");
  CommandLine line;
  shell::CommonOptions common;
  app.footer(kFooter);
  shell::AddConfigOption(app, line.config, "TOML file with all settings");
  app.add_flag("--check", line.is_check, "Check the settings and exit");
  app.add_option("--listen", line.listen,
                 "ADDRESS:PORT to serve over UDP, IPv6 in brackets; may be "
                 "repeated; default 0.0.0.0:3478 and [::]:3478")
      ->take_all();
  app.add_option("--rate-limit", line.rate_limit,
                 "Requests a second answered to one source; 0: no limit; "
                 "default 10")
      ->check(CLI::Range(0, 1'000'000))
      ->expected(1);
  app.add_option("--amplification", line.amplification,
                 "balanced: over time, a source is sent no more bytes than it "
                 "sent; none: no response is longer than its request; any; "
                 "default balanced");
  app.add_option("--threads", line.threads,
                 "Threads for UDP; 0: one for each processor, at most 8; "
                 "default 0")
      ->check(CLI::Range(0, 64))
      ->expected(1);
  app.add_flag("--quiet", line.is_quiet, "Log only what is wrong");
  shell::AddCommonOptions(app, common);
  if (const auto code = shell::ParseCommandLine(app, argc, argv)) {
    return std::unexpected(*code);
  }
  line.log_level = common.log_level;
  return line;
}

std::expected<Settings, std::vector<std::string>> LoadSettings(
    const CommandLine& line) {
  RawSettings raw;
  std::optional<shell::ConfigReader> reader;
  if (!line.config.empty()) {
    const auto text = shell::ReadFile(line.config);
    if (!text) {
      return std::unexpected(std::vector{text.error()});
    }
    reader.emplace(line.config, *text);
    ReadFileKeys(*reader, raw);
    reader->Finish();
    if (!reader->errors().empty()) {
      return std::unexpected(reader->errors());
    }
  }
  Override(line, raw);
  if (raw.threads == 0) {
    raw.threads = std::clamp(std::thread::hardware_concurrency(), 1U, 8U);
  }
  auto settings = CheckSettings(raw, [&](std::string_view key) {
    return reader && !IsOverridden(line, key) ? reader->Place(key) : "";
  });
  if (settings) {
    settings->has_chosen_amplification =
        !line.amplification.empty() || (reader && reader->Has("amplification"));
  }
  return settings;
}

}  // namespace natkit::stunsrv
