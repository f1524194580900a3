// Nodes of a mesh toward their coordination server, many in one process: joins,
// and prints what happens as one JSON object a line.
//
//   coord_peer --server HOST:PORT --pin sha256-raw:... [--auth-key KEY]
//              [--nodes N] [--seed N] [--prefix NAME] [--tag tag:x]...
//
// {"node":i,"event":"admitted","state":1,"id":7,"code":""}, "map" (peers,
// rules, address), "lost" (why, final). The same seed gives the same keys.

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <variant>
#include <vector>

#include "natkit/base/rng.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/signal_watcher.h"
#include "natkit/shell/control_link.h"
#include "natkit/shell/descriptors.h"

namespace natkit {
namespace {

struct Options {
  std::string server;
  std::string pin;
  std::string auth_key;
  std::string prefix = "peer";
  std::vector<std::string> tags;
  size_t nodes = 1;
  uint64_t seed = 1;
};

/// One node.
class Peer {
 public:
  Peer(io::EventLoop& loop, const Options& options, size_t index, Rng& rng)
      : index_(index) {
    SeededRng keys(options.seed * 1'000'003 + index);
    mesh::ControlClientConfig config;
    keys.Fill(config.machine_seed.ExposeMutable());
    config.node_key = GeneratePrivateKey(keys);
    config.signalling_key = GeneratePrivateKey(keys);
    config.auth_key = SecretString(options.auth_key);
    config.host_name = options.prefix + std::to_string(index);
    config.tags = options.tags;
    config.software = "coord_peer";
    auto server = shell::ParseServerAddress(options.server);
    if (!server) {
      Print({{"event", "error"}, {"text", server.error()}});
      return;
    }
    server->pin = options.pin;
    auto link = shell::ControlLink::Make(
        loop, *server, std::move(config), rng,
        [this](const mesh::ControlEvent& event) {
          std::visit([this](const auto& e) { OnEvent(e); }, event);
        });
    if (!link) {
      Print({{"event", "error"}, {"text", link.error()}});
      return;
    }
    link_ = std::move(*link);
    link_->Start();
  }

 private:
  void OnEvent(const mesh::ControlAdmitted& event) {
    Print({{"event", "admitted"},
           {"state", static_cast<int>(event.state)},
           {"id", event.node},
           {"code", event.approval_code}});
  }

  void OnEvent(const mesh::ControlMapChanged&) {
    const mesh::NetworkMap& map = link_->client().map()->map();
    nlohmann::json line = {{"event", "map"},
                           {"peers", nlohmann::json::array()},
                           {"rules", map.rules.size()},
                           {"relays", map.relays.size()}};
    for (const auto& [id, peer] : map.peers) {
      line["peers"].push_back(peer.name);
    }
    if (map.self) {
      line["name"] = map.self->name;
      line["address"] = map.self->addresses.front().ToString();
    }
    Print(std::move(line));
  }

  void OnEvent(const mesh::ControlLost& event) {
    Print({{"event", "lost"}, {"why", event.why}, {"final", event.is_final}});
  }

  template <class Other>
  void OnEvent(const Other&) {}

  void Print(nlohmann::json line) const {
    line["node"] = index_;
    std::puts(line.dump().c_str());
    std::fflush(stdout);
  }

  size_t index_;
  std::unique_ptr<shell::ControlLink> link_;
};

int Main(int argc, char** argv) {
  CLI::App app{"Nodes toward a coordination server."};
  Options options;
  app.add_option("--server", options.server)->required();
  app.add_option("--pin", options.pin);
  app.add_option("--auth-key", options.auth_key);
  app.add_option("--prefix", options.prefix);
  app.add_option("--tag", options.tags);
  app.add_option("--nodes", options.nodes);
  app.add_option("--seed", options.seed);
  CLI11_PARSE(app, argc, argv);
  shell::RaiseDescriptorLimit();
  io::IgnoreBrokenPipes();
  SystemRng rng;
  io::EventLoop loop;
  io::SignalWatcher signals(loop, {SIGINT, SIGTERM},
                            [&loop](int) { loop.Stop(); });
  std::vector<std::unique_ptr<Peer>> peers;
  for (size_t i = 0; i < options.nodes; ++i) {
    peers.push_back(std::make_unique<Peer>(loop, options, i, rng));
  }
  loop.Run();
  return 0;
}

}  // namespace
}  // namespace natkit

int main(int argc, char** argv) {
  return natkit::Main(argc, argv);
}
