// Maps one UDP port as a program would and prints what happens, one event per
// line; SIGHUP looks for the gateway again; SIGTERM deletes the mapping, after
// which it says "done" and ends.
//   portmap_helper PORT [pcp] [nat-pmp] [upnp] [seen-as=ADDRESS]
//     [lifetime=SECONDS] [remembers]

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "natkit/base/rng.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/signal_watcher.h"
#include "natkit/shell/port_mapping.h"

namespace natkit {
namespace {

void Say(const std::string& line) {
  std::puts(line.c_str());
  std::fflush(stdout);
}

std::string NameOf(nat::PortMappingService service) {
  return std::string(nat::PortMappingServiceName(service));
}

void Print(const nat::PortMapperEvent& event) {
  if (const auto* mapped = std::get_if<nat::PortMapped>(&event)) {
    Say("mapped " + NameOf(mapped->mapping.service) + " " +
        mapped->mapping.external.ToString() + " " +
        std::string(nat::MappingStandingName(mapped->mapping.standing)));
  } else if (const auto* failed = std::get_if<nat::PortNotMapped>(&event)) {
    Say("not-mapped " + NameOf(failed->service) + " " +
        std::string(nat::PortMappingErrorName(failed->error)));
  } else if (const auto* router =
                 std::get_if<nat::RouterAddressChanged>(&event)) {
    Say("router " + router->address.ToString());
  } else if (const auto* service =
                 std::get_if<nat::PortMappingServiceChanged>(&event)) {
    Say("service " + (service->service ? NameOf(*service->service) : "none"));
  }
}

int Run(const std::vector<std::string_view>& words) {
  constexpr std::string_view kSeenAs = "seen-as=";
  constexpr std::string_view kLifetime = "lifetime=";
  nat::PortMapperConfig config{.uses_pcp = false,
                               .uses_nat_pmp = false,
                               .uses_upnp = false,
                               .description = "portmap_helper"};
  std::vector<IpAddress> seen_as;
  std::optional<nat::PcpNonceKey> nonce_key;
  for (const std::string_view word : words) {
    config.uses_pcp |= word == "pcp";
    config.uses_nat_pmp |= word == "nat-pmp";
    config.uses_upnp |= word == "upnp";
    if (word == "remembers") {
      nonce_key.emplace();  // one that is the same in every run
    }
    if (word.starts_with(kSeenAs)) {
      seen_as.push_back(*IpAddress::Parse(word.substr(kSeenAs.size())));
    } else if (word.starts_with(kLifetime)) {
      config.lifetime = std::chrono::seconds(
          std::atoi(std::string(word.substr(kLifetime.size())).c_str()));
    }
  }
  io::EventLoop loop;
  SystemRng rng;
  shell::PortMapping mapping(loop, rng, config, Print, std::move(nonce_key));
  const io::SignalWatcher signals(loop, {SIGTERM}, [&](int) {
    mapping.Shutdown(std::chrono::seconds(30), [&loop] {
      Say("done");
      loop.Stop();
    });
  });
  const io::SignalWatcher changes(loop, {SIGHUP},
                                  [&](int) { mapping.Refresh(); });
  mapping.SetReflexiveAddresses(seen_as);
  mapping.Map({.internal_port = static_cast<uint16_t>(
                   std::atoi(std::string(words[0]).c_str()))});
  mapping.Refresh();
  Say("started");
  loop.Run();
  return 0;
}

}  // namespace
}  // namespace natkit

int main(int argc, char** argv) {
  if (argc < 2) {
    return 2;
  }
  return natkit::Run({argv + 1, argv + argc});
}
