#include "options.h"

#include <cstdio>
#include <utility>

#include "natkit/shell/command_line.h"
#include "natkit/shell/config_reader.h"
#include "natkit/shell/files.h"

namespace natkit::derpd {
namespace {

using Errors = std::vector<std::string>;

constexpr char kDefaultKeyFile[] = "/var/lib/natkit/derpd.key";

constexpr char kFileKeys[] =
    "Keys of the file are the long options with '_' for '-' (listen = "
    "\":443\",\nself_signed = true), stun = false for --no-stun, and:\n"
    "  stun_tailnode_only  answer STUN only to clients of DERP networks; "
    "false\n"
    "  home_redirect       URL that / redirects to; default: a page\n"
    "  not_here            \"disco\" or \"any\": which packets to absent "
    "peers are\n"
    "                      answered with PeerGone; default disco\n"
    "  max_connections     default 50000\n"
    "  max_half_open       connections before their login, default 2000; the\n"
    "                      oldest goes when there are more\n"
    "SIGHUP reloads the certificate; SIGTERM tells clients and ends.";

/// The command line; what it sets wins over the file.
struct CommandLine {
  CLI::App app{"DERP relay with STUN beside it.", "derpd"};
  shell::CommonOptions common;
  std::string config;
  Options options;
  bool is_without_stun = false;
  double write_timeout = 2;
};

void AddOptions(CommandLine& line) {
  CLI::App& app = line.app;
  Options& o = line.options;
  shell::AddCommonOptions(app, line.common);
  app.footer(kFileKeys);
  shell::AddConfigOption(app, line.config, "TOML file with the keys below");
  app.add_flag("--check", o.is_check, "check the configuration and exit");
  app.add_flag("--dev", o.is_dev,
               "development: fresh key and self-signed certificate in memory, "
               "127.0.0.1 and ::1, port 3340");
  app.add_flag("--plain", o.is_plain, "no TLS (key 'plain')");
  app.add_option("--listen", o.listen,
                 "TCP address, ip:port or :port; default :443");
  app.add_option("--hostname", o.hostname,
                 "DNS name or IP address that clients use");
  app.add_option("--certificate", o.certificate,
                 "PEM file with the certificate chain, leaf first");
  app.add_option("--private-key", o.private_key,
                 "PEM file with the certificate's key");
  app.add_flag("--self-signed", o.is_self_signed,
               "make certificate and key if both files are missing");
  app.add_option("--key-file", o.key_file,
                 "the relay's own key, made if missing; default "
                 "/var/lib/natkit/derpd.key");
  app.add_option("--mesh-key-file", o.mesh_key_file,
                 "64 hex digits shared by the relays of a region");
  app.add_option("--stun-listen", o.stun_listen,
                 "UDP address; default: as --listen, port 3478");
  app.add_flag("--no-stun", line.is_without_stun, "no STUN (key 'stun')");
  app.add_option("--write-timeout", line.write_timeout,
                 "seconds after which a receiver that reads nothing is "
                 "disconnected; 0: never; default 2");
}

template <class T>
void Override(const CLI::App& app, const char* name, const T& value, T& out) {
  if (app.count(name) > 0) {
    out = value;
  }
}

void ReadConfigFile(const std::string& path, Options& o, Errors& errors) {
  const auto text = shell::ReadFile(path);
  if (!text) {
    errors.push_back(text.error());
    return;
  }
  shell::ConfigReader reader(path, *text);
  reader.Strings("listen", o.listen);
  reader.Flag("plain", o.is_plain);
  reader.String("hostname", o.hostname);
  reader.String("certificate", o.certificate);
  reader.String("private_key", o.private_key);
  reader.Flag("self_signed", o.is_self_signed);
  reader.String("key_file", o.key_file);
  reader.String("mesh_key_file", o.mesh_key_file);
  reader.Flag("stun", o.has_stun);
  reader.Strings("stun_listen", o.stun_listen);
  reader.Flag("stun_tailnode_only", o.is_stun_tailnode_only);
  reader.String("log_level", o.log_level);
  reader.String("home_redirect", o.home_redirect);
  reader.String("not_here", o.not_here);
  reader.Seconds("write_timeout", o.write_timeout);
  reader.Count("max_connections", 1, 10'000'000, o.max_connections);
  reader.Count("max_half_open", 1, 1'000'000, o.max_half_open);
  if (o.not_here != "disco" && o.not_here != "any") {
    reader.Complain("not_here", "'not_here' must be \"disco\" or \"any\"");
  }
  reader.Finish();
  errors.insert(errors.end(), reader.errors().begin(), reader.errors().end());
}

void ApplyCommandLine(const CommandLine& line, Options& o) {
  const Options& given = line.options;
  const CLI::App& app = line.app;
  Override(app, "--check", given.is_check, o.is_check);
  Override(app, "--dev", given.is_dev, o.is_dev);
  Override(app, "--plain", given.is_plain, o.is_plain);
  Override(app, "--listen", given.listen, o.listen);
  Override(app, "--hostname", given.hostname, o.hostname);
  Override(app, "--certificate", given.certificate, o.certificate);
  Override(app, "--private-key", given.private_key, o.private_key);
  Override(app, "--self-signed", given.is_self_signed, o.is_self_signed);
  Override(app, "--key-file", given.key_file, o.key_file);
  Override(app, "--mesh-key-file", given.mesh_key_file, o.mesh_key_file);
  Override(app, "--no-stun", !line.is_without_stun, o.has_stun);
  Override(app, "--stun-listen", given.stun_listen, o.stun_listen);
  Override(app, "--log-level", line.common.log_level, o.log_level);
  Override(app, "--write-timeout",
           std::chrono::duration_cast<Duration>(
               std::chrono::duration<double>(line.write_timeout)),
           o.write_timeout);
}

void FillDefaults(Options& o) {
  if (o.listen.empty()) {
    o.listen = o.is_dev
                   ? std::vector<std::string>{"127.0.0.1:3340", "[::1]:3340"}
                   : std::vector<std::string>{":443"};
  }
  if (o.stun_listen.empty()) {
    o.stun_listen =
        o.is_dev ? std::vector<std::string>{"127.0.0.1:3478", "[::1]:3478"}
                 : std::vector<std::string>{":3478"};
  }
  if (o.is_dev && o.hostname.empty()) {
    o.hostname = "127.0.0.1";
  }
  if (!o.is_dev && o.key_file.empty()) {
    o.key_file = kDefaultKeyFile;
  }
}

void ParseAddresses(const char* name, const std::vector<std::string>& texts,
                    std::vector<Endpoint>& out, Errors& errors) {
  for (const auto& text : texts) {
    const auto endpoints = shell::ParseListenAddress(text);
    if (endpoints.empty()) {
      errors.push_back(std::string(name) + ": '" + text +
                       "' is not an address like 0.0.0.0:443, [::]:443 or "
                       ":443");
    }
    out.insert(out.end(), endpoints.begin(), endpoints.end());
  }
}

void CheckTogether(Options& o, Errors& errors) {
  const bool needs_certificate = !o.is_dev && !o.is_plain;
  if (needs_certificate && (o.certificate.empty() || o.private_key.empty())) {
    errors.emplace_back(
        "certificate and private_key are missing: PEM files for TLS (with "
        "self_signed = true they are made; plain = true goes without)");
  }
  if (o.is_self_signed && o.hostname.empty()) {
    errors.emplace_back("self_signed needs hostname, the certificate's name");
  }
  ParseAddresses("listen", o.listen, o.tcp_endpoints, errors);
  if (o.has_stun) {
    ParseAddresses("stun_listen", o.stun_listen, o.udp_endpoints, errors);
  }
  const auto level = shell::ChooseLogLevel({}, o.log_level);
  if (!level) {
    errors.push_back(level.error());
    return;
  }
  o.level = *level;
}

}  // namespace

std::expected<Options, int> ParseOptions(int argc, char** argv) {
  CommandLine line;
  AddOptions(line);
  if (const auto status = shell::ParseCommandLine(line.app, argc, argv)) {
    return std::unexpected(*status);
  }
  Options options;
  Errors errors;
  if (!line.config.empty()) {
    ReadConfigFile(line.config, options, errors);
  }
  if (errors.empty()) {
    ApplyCommandLine(line, options);
    FillDefaults(options);
    CheckTogether(options, errors);
  }
  for (const auto& error : errors) {
    std::fprintf(stderr, "derpd: %s\n", error.c_str());
  }
  if (!errors.empty()) {
    return std::unexpected(shell::kExitUsage);
  }
  return options;
}

}  // namespace natkit::derpd
