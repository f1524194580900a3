// A node's DNS alone: serves names and sets the system up, until SIGTERM.
//   dns_node FILE
// It prints "resolvers ADDRESS..." when others' resolvers are known or change,
// "ready BACKEND" once all is set up, and "stopped" when all is undone.

#include <toml++/toml.h>

#include <csignal>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "dns/dns_service.h"
#include "dns/system_dns.h"
#include "natkit/base/rng.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/signal_watcher.h"

namespace natkit::meshnode {
namespace {

constexpr uint16_t kDnsPort = 53;

void Say(const std::string& line) {
  std::puts(line.c_str());
  std::fflush(stdout);
}

std::vector<std::string> Texts(const toml::node* node) {
  std::vector<std::string> texts;
  if (node != nullptr && node->is_array()) {
    for (const toml::node& item : *node->as_array()) {
      texts.push_back(item.value_or(std::string()));
    }
  }
  return texts;
}

std::vector<IpAddress> Addresses(const toml::node* node) {
  std::vector<IpAddress> addresses;
  for (const std::string& text : Texts(node)) {
    addresses.push_back(IpAddress::Parse(text).value());
  }
  return addresses;
}

struct Setup {
  dns::DnsConfig config;
  SystemDnsSettings settings;
  std::optional<DnsBackend> backend;
};

Setup Read(const toml::table& file) {
  Setup setup;
  setup.config.domain = file["domain"].value_or(std::string());
  if (const auto* hosts = file["hosts"].as_table()) {
    for (const auto& [name, addresses] : *hosts) {
      setup.config.hosts.push_back({.name = std::string(name.str()),
                                    .addresses = Addresses(&addresses)});
    }
  }
  if (const auto* routes = file["routes"].as_table()) {
    for (const auto& [suffix, resolvers] : *routes) {
      dns::SplitRoute route{.suffix = std::string(suffix.str())};
      for (const IpAddress& address : Addresses(&resolvers)) {
        route.resolvers.push_back({address, kDnsPort});
      }
      setup.config.routes.push_back(route);
      setup.settings.routed.push_back(route.suffix);
    }
  }
  setup.settings.interface = file["interface"].value_or(std::string());
  setup.settings.servers = Addresses(file["listen"].node());
  setup.settings.search = {setup.config.domain};
  setup.settings.takes_all = file["takes_all"].value_or(false);
  for (const IpAddress& address : Addresses(file["resolvers"].node())) {
    setup.config.resolvers.push_back({address, kDnsPort});
  }
  setup.backend = ParseBackend(file["backend"].value_or(std::string()));
  return setup;
}

int Run(const Setup& setup) {
  io::EventLoop loop;
  SystemRng rng;
  const LogSink log = [](LogLevel, std::string_view line) {
    std::fprintf(stderr, "%.*s\n", static_cast<int>(line.size()), line.data());
  };
  DnsService service(loop, rng, log);
  DnsServiceOptions options;
  for (const IpAddress& address : setup.settings.servers) {
    options.listen.push_back({address, kDnsPort});
  }
  if (const auto started = service.Start(options, setup.config); !started) {
    log(LogLevel::kError, started.error());
    return 1;
  }
  const bool has_own = !setup.config.resolvers.empty();
  const auto take = [&](const std::vector<Endpoint>& resolvers) {
    if (!has_own) {
      static_cast<void>(service.SetResolvers(resolvers));
    }
    std::string line = "resolvers";
    for (const Endpoint& resolver : resolvers) {
      line += " " + resolver.ToString();
    }
    Say(line);
  };
  SystemDns system(loop, SystemDnsPaths{}, {.on_resolvers = take, .log = log});
  if (const auto started = system.Start(setup.backend, setup.settings);
      !started) {
    log(LogLevel::kError, started.error());
    return 1;
  }
  Say("ready " + std::string(BackendName(*system.backend())));
  const io::SignalWatcher signals(loop, {SIGTERM},
                                  [&loop](int /*signal*/) { loop.Stop(); });
  loop.Run();
  system.Stop();
  Say("stopped");
  return 0;
}

}  // namespace
}  // namespace natkit::meshnode

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: dns_node FILE\n", stderr);
    return 2;
  }
  try {
    return natkit::meshnode::Run(
        natkit::meshnode::Read(toml::parse_file(argv[1])));
  } catch (const toml::parse_error& error) {
    std::fprintf(stderr, "dns_node: %s\n", error.what());
    return 2;
  }
}
