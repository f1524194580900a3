#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "command.h"
#include "natkit/base/rng.h"
#include "natkit/io/default_gateway.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/resolver.h"
#include "natkit/io/source_address.h"
#include "natkit/io/udp_socket.h"
#include "natkit/nat/nat64.h"
#include "natkit/shell/discovery_shell.h"
#include "natkit/shell/outcome.h"
#include "natkit/shell/server_name.h"
#include "options.h"
#include "report_json.h"
#include "report_text.h"

namespace natkit::natcheck {
namespace {

using std::chrono::seconds;

int Complain(const std::string& text, int code) {
  std::cerr << "natcheck: " << text << '\n';
  return code;
}

std::string NameOf(AddressFamily family) {
  return family == AddressFamily::kIpv4 ? "IPv4" : "IPv6";
}

/// Servers by family, in the order of the command line.
using Servers = std::map<AddressFamily, std::vector<Endpoint>>;

/// Looks up all names at once; says on stderr which one has no address.
Servers Resolve(io::EventLoop& loop,
                const std::vector<shell::ServerName>& names) {
  constexpr auto kPatience = seconds(30);
  const auto found = shell::LookUp(loop, names, kPatience);
  Servers servers;
  for (size_t i = 0; i < names.size(); ++i) {
    if (!found[i]) {
      Complain("cannot look up " + names[i].host + ": " +
                   std::string(ErrcName(found[i].error().code)),
               0);
      continue;
    }
    for (const IpAddress& address : *found[i]) {
      servers[address.family()].push_back({address, names[i].port});
    }
  }
  return servers;
}

/// The addresses of one family to ask from; empty if there is no route.
std::vector<IpAddress> LocalAddresses(const std::vector<IpAddress>& wanted,
                                      const Endpoint& server) {
  std::vector<IpAddress> locals;
  for (const IpAddress& address : wanted) {
    if (address.family() == server.address.family()) {
      locals.push_back(address);
    }
  }
  if (locals.empty()) {
    if (const auto source = io::FindSourceAddress(server.address)) {
      locals.push_back(*source);
    }
  }
  return locals;
}

/// What the resolver makes of a name without IPv6 addresses (RFC 7050).
std::vector<IpPrefix> AskForNat64Prefixes(io::EventLoop& loop) {
  constexpr auto kPatience = seconds(10);
  io::Resolver resolver(loop);
  bool is_done = false;
  std::vector<IpPrefix> prefixes;
  resolver.Resolve(std::string(nat::kIpv4OnlyName), [&](auto addresses) {
    is_done = true;
    if (addresses) {
      prefixes = nat::FindNat64Prefixes(*addresses);
    }
  });
  loop.RunUntil([&is_done] { return is_done; }, kPatience);
  return prefixes;
}

class Run {
 public:
  Run(const Options& options, std::vector<IpAddress> locals,
      std::optional<PageName> portal, std::optional<IpPrefix> nat64_prefix)
      : options_(options),
        locals_(std::move(locals)),
        portal_(std::move(portal)) {
    if (nat64_prefix) {
      nat64_prefixes_.emplace({*nat64_prefix});
    }
  }

  int Main(const std::vector<shell::ServerName>& names);

 private:
  void Discover(AddressFamily family, const std::vector<Endpoint>& servers);
  /// Where there is no way to IPv4 servers but a NAT64, their IPv6 form.
  void AddBehindNat64(Servers& servers);
  /// Asked for once, and only where there may be a NAT64.
  void LearnNat64Prefixes(const IpAddress& local);

  [[nodiscard]] bool IsWanted(AddressFamily family) const {
    return family == AddressFamily::kIpv4 ? !options_.only_v6
                                          : !options_.only_v4;
  }

  const Options& options_;
  std::vector<IpAddress> locals_;
  std::optional<PageName> portal_;
  std::optional<std::vector<IpPrefix>> nat64_prefixes_;
  Servers portal_servers_;
  io::EventLoop loop_;
  SystemRng rng_;
  std::vector<FamilyReport> reports_;
};

void Run::LearnNat64Prefixes(const IpAddress& local) {
  if (!nat64_prefixes_ && !local.is_loopback() &&
      (local.is_v6() || nat::IsClatAddress(local))) {
    nat64_prefixes_ = AskForNat64Prefixes(loop_);
  }
}

void Run::AddBehindNat64(Servers& servers) {
  const auto v4 = servers.find(AddressFamily::kIpv4);
  if (v4 == servers.end() || !IsWanted(AddressFamily::kIpv6) ||
      servers.contains(AddressFamily::kIpv6) ||
      io::FindSourceAddress(v4->second.front().address)) {
    return;
  }
  // Somewhere in the Internet: is there IPv6 at all?
  const auto source =
      io::FindSourceAddress(IpAddress::Parse("64:ff9b::1").value());
  if (!source) {
    return;
  }
  LearnNat64Prefixes(*source);
  if (!nat64_prefixes_ || nat64_prefixes_->empty()) {
    return;
  }
  for (const Endpoint& server : v4->second) {
    if (const auto address =
            nat::SynthesizeNat64(nat64_prefixes_->front(), server.address)) {
      servers[AddressFamily::kIpv6].push_back({*address, server.port});
    }
  }
  servers.erase(AddressFamily::kIpv4);
}

void Run::Discover(AddressFamily family, const std::vector<Endpoint>& servers) {
  nat::BehaviorConfig config;
  config.servers = servers;
  config.local_addresses = LocalAddresses(locals_, servers.front());
  if (config.local_addresses.empty()) {
    Complain("no way to " + servers.front().ToString() + " from this host", 0);
    return;
  }
  LearnNat64Prefixes(config.local_addresses.front());
  config.nat64_prefixes = nat64_prefixes_;
  if (const auto gateway = io::FindDefaultGateway(family)) {
    config.gateway = gateway->router;
  }
  // Linux takes IPv4 packets with a source of its own for martians.
  config.drops_own_source = servers.front().address.is_v4();
  config.tests_tcp = true;
  if (const auto page = portal_servers_.find(family);
      page != portal_servers_.end()) {
    config.portal_page = {.server = page->second.front(),
                          .host = portal_->host,
                          .path = portal_->path};
  }
  config.axes = options_.is_full ? nat::AllAxes() : nat::QuickAxes();
  config.longest_lifetime = seconds(options_.longest);
  shell::DiscoveryShell discovery(loop_, std::move(config), rng_);
  const bool is_watched = ::isatty(STDERR_FILENO) == 1;
  const nat::BehaviorReport& report =
      discovery.Run(seconds(options_.timeout), [is_watched](Duration passed) {
        if (is_watched) {
          std::cerr << "natcheck: still measuring, "
                    << std::chrono::duration_cast<seconds>(passed).count()
                    << " s\n";
        }
      });
  reports_.push_back({.family = family, .report = report});
}

/// The first of them that is not this host's.
std::optional<IpAddress> FindForeign(io::EventLoop& loop,
                                     const std::vector<IpAddress>& locals) {
  const auto foreign =
      std::ranges::find_if(locals, [&loop](const IpAddress& address) {
        return !io::UdpSocket::Bind(loop, {.address = address, .port = 0});
      });
  return foreign == locals.end() ? std::nullopt : std::optional(*foreign);
}

int Run::Main(const std::vector<shell::ServerName>& names) {
  if (const auto foreign = FindForeign(loop_, locals_)) {
    return Complain(
        "--local " + foreign->ToString() + " is not an address of this host",
        shell::kExitUsage);
  }
  if (portal_) {
    portal_servers_ = Resolve(loop_, {portal_->server});
  }
  Servers found = Resolve(loop_, names);
  AddBehindNat64(found);
  for (const auto& [family, servers] : found) {
    if (IsWanted(family)) {
      Discover(family, servers);
    } else {
      Complain(servers.front().ToString() + " is not asked: it is " +
                   NameOf(family) + ", which is not wanted",
               0);
    }
  }
  if (reports_.empty()) {
    return Complain("no server could be asked", shell::kExitFailure);
  }
  if (options_.wants_json) {
    std::cout << ToJson(reports_) << '\n';
  }
  bool has_answer = false;
  for (const FamilyReport& of : reports_) {
    has_answer = has_answer || of.report.server.port != 0;
    if (!options_.wants_json) {
      std::cout << NameOf(of.family) << "\n\n";
      PrintText(std::cout, of.report,
                options_.wants_evidence ? Evidence::kPrint : Evidence::kOmit);
      std::cout << '\n';
    }
  }
  return has_answer ? shell::kExitOk : shell::kExitFailure;
}

int RunDefault(const Options& options) {
  if (options.servers.empty()) {
    return Complain(
        "no server given; try --server with a STUN server that "
        "has two addresses (RFC 5780)",
        shell::kExitUsage);
  }
  std::vector<shell::ServerName> names;
  for (const std::string& text : options.servers) {
    if (!shell::ParseServer(text, names.emplace_back())) {
      return Complain("--server '" + text + "' is not HOST or HOST:PORT",
                      shell::kExitUsage);
    }
  }
  std::vector<IpAddress> locals;
  for (const std::string& text : options.locals) {
    const auto address = IpAddress::Parse(text);
    if (!address) {
      return Complain("--local '" + text + "' is not an address",
                      shell::kExitUsage);
    }
    locals.push_back(*address);
  }
  std::optional<PageName> portal;
  if (!options.portal_url.empty() &&
      !ParsePage(options.portal_url, portal.emplace())) {
    return Complain("--portal-url '" + options.portal_url +
                        "' is not http://HOST[:PORT][/PATH]",
                    shell::kExitUsage);
  }
  std::optional<IpPrefix> nat64_prefix;
  if (!options.nat64_prefix.empty()) {
    const auto prefix = IpPrefix::Parse(options.nat64_prefix);
    if (!prefix || !nat::SynthesizeNat64(*prefix, IpAddress())) {
      return Complain("--nat64-prefix '" + options.nat64_prefix +
                          "' is not an IPv6 prefix of 32, 40, 48, 56, 64 or "
                          "96 bits",
                      shell::kExitUsage);
    }
    nat64_prefix = *prefix;
  }
  return Run(options, std::move(locals), std::move(portal), nat64_prefix)
      .Main(names);
}

int Main(int argc, char** argv) {
  CLI::App app(
      "Tells what a NAT does, and what that means for reaching others.",
      "natcheck");
  app.set_version_flag("--version", "natcheck (natkit) " NATKIT_VERSION);
  app.require_subcommand(0, 1);
  Options options;
  AddOptions(app, options);
  int exit_status = shell::kExitOk;
  conformance::AddConformanceCommand(app, exit_status);
  conformance::AddAgentCommand(app, exit_status);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // exit() prints help, version or the mistake; 0 for the first two.
    return app.exit(error) == 0 ? shell::kExitOk : shell::kExitUsage;
  }
  return app.get_subcommands().empty() ? RunDefault(options) : exit_status;
}

}  // namespace
}  // namespace natkit::natcheck

int main(int argc, char** argv) {
  return natkit::natcheck::Main(argc, argv);
}
