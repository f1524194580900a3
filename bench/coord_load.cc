// Many nodes of a mesh toward one coordination server, in one process, with
// real TLS and real keys; bench/coord_load.py runs it.
//
//   coord_load --server HOST:PORT --pin sha256-raw:... --nodes N
//              [--group 100] [--keys FILE] [--seed N]
//
// Node i is called load-i and joins with the auth key on line i / group of
// FILE. Each group comes from an address of its own in 127.1.0.0/16. A node is
// whole when it is admitted and its map has all others of its group
// and says that they are online.
//
// Prints one JSON object a line. Times are seconds of CLOCK_MONOTONIC:
//   {"event":"whole","t":..}   each time that the last node became whole
//   {"event":"lost","why":..}  for good; after that the figures mean nothing
// Reads commands, one a line:
//   progress      answers with how many are admitted, how many whole
//   joins         answers with when each node was admitted last and whole last,
//                 and how many streams ended for which reason since the last
//                 such question
//   mark          forgets what arrived so far
//   taken         answers with when the map of each node changed first since
//                 the mark, and the bytes that it was sent (no heartbeats)
//   report I P    node I reports an endpoint with port P; answers with the time
// The end of the input ends it.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "natkit/base/rng.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/signal_watcher.h"
#include "natkit/io/timer.h"
#include "natkit/mesh/control/control_client.h"
#include "natkit/shell/control_link.h"
#include "natkit/shell/descriptors.h"
#include "natkit/shell/stream_client.h"
#include "natkit/tls/context.h"

namespace natkit {
namespace {

using nlohmann::json;

struct Options {
  std::string server;
  std::string pin;
  std::string keys;
  size_t nodes = 1;
  size_t group = 100;
  uint64_t seed = 1;
};

double Seconds(Instant at) {
  return std::chrono::duration<double>(at.time_since_epoch()).count();
}

double NowSeconds() {
  return Seconds(io::EventLoop::Now());
}

void Print(const json& line) {
  std::puts(line.dump().c_str());
  std::fflush(stdout);
}

/// One frame that is a heartbeat, and nothing else.
bool IsHeartbeat(ByteView bytes) {
  constexpr size_t kLengthBytes = 4;
  constexpr size_t kLongest = 32;
  if (bytes.size() < kLengthBytes || bytes.size() > kLongest) {
    return false;
  }
  const auto message = mesh::DecodeMessage(bytes.subspan(kLengthBytes));
  return message && std::holds_alternative<mesh::Heartbeat>(*message);
}

mesh::ControlClientConfig MakeConfig(const Options& options, size_t index,
                                     const std::string& auth_key) {
  SeededRng keys(options.seed * 1'000'003 + index);
  mesh::ControlClientConfig config;
  keys.Fill(config.machine_seed.ExposeMutable());
  config.node_key = GeneratePrivateKey(keys);
  config.signalling_key = GeneratePrivateKey(keys);
  config.auth_key = SecretString(auth_key);
  config.host_name = "load-" + std::to_string(index);
  config.software = "coord_load";
  return config;
}

IpAddress SourceOf(size_t group) {
  return IpAddress::V4(127, 1, static_cast<uint8_t>(group / 250),
                       static_cast<uint8_t>(group % 250 + 1));
}

/// What all nodes share.
struct Fleet {
  io::EventLoop& loop;
  Rng& rng;
  shell::ServerAddress server;
  tls::ClientContext tls;
  size_t peers = 0;  ///< of each node, when all are there
  size_t nodes = 0;
  size_t whole = 0;
  std::map<std::string, size_t> ends;  ///< of streams, by reason
};

class Node {
 public:
  Node(Fleet& fleet, const IpAddress& source, mesh::ControlClientConfig config)
      : fleet_(fleet),
        source_(source),
        client_(std::move(config), fleet.rng),
        timer_(fleet.loop, [this] {
          client_.HandleTimeout(io::EventLoop::Now());
          Pump();
        }) {}

  void Start() {
    client_.Start(io::EventLoop::Now());
    Pump();
  }

  void Mark() {
    changed_at_.reset();
    bytes_ = 0;
  }

  void Report(uint16_t port) {
    client_.SetReport(io::EventLoop::Now(),
                      {.endpoints = std::vector<Endpoint>{
                           {*IpAddress::Parse("192.0.2.1"), port}}});
    Pump();
  }

  [[nodiscard]] bool is_admitted() const { return client_.is_admitted(); }

  [[nodiscard]] double admitted_at() const { return admitted_at_; }

  [[nodiscard]] double whole_at() const { return whole_at_; }

  [[nodiscard]] std::optional<double> changed_at() const { return changed_at_; }

  [[nodiscard]] size_t bytes() const { return bytes_; }

 private:
  void Pump() {
    while (auto event = client_.PollEvent()) {
      std::visit([this](const auto& e) { OnEvent(e); }, *event);
    }
    Write();
    while (const auto command = client_.PollCommand()) {
      stream_.reset();
      if (std::holds_alternative<mesh::ControlConnect>(*command)) {
        Connect();
      }
    }
    timer_.Arm(client_.NextTimeout());
  }

  void Write() {
    static std::vector<uint8_t> buffer(size_t{16} * 1024);
    while (stream_ && stream_->is_writable()) {
      const size_t size = client_.PollBytes(buffer);
      if (size == 0) {
        return;
      }
      stream_->Write(ByteView(buffer).first(size));
    }
  }

  void Connect() {
    shell::StreamClientOptions options;
    options.tcp.local = Endpoint{source_, 0};
    stream_ = std::make_unique<shell::StreamClient>(
        fleet_.loop, fleet_.tls,
        shell::StreamTarget{.host = fleet_.server.host,
                            .port = fleet_.server.port,
                            .certificate_name = fleet_.server.pin},
        shell::SecureStreamHandlers{
            .on_open =
                [this](const shell::PeerInfo& peer) {
                  client_.HandleOpen(io::EventLoop::Now(),
                                     peer.coordination_exporter.value());
                  Pump();
                },
            .on_bytes = [this](ByteView bytes) { OnBytes(bytes); },
            .on_writable = [this] { Pump(); },
            .on_closed =
                [this](const shell::StreamEnd& end) {
                  client_.HandleClosed(io::EventLoop::Now(), end.ToString());
                  UpdateWhole();
                  Pump();
                }},
        options);
  }

  void OnBytes(ByteView bytes) {
    bytes_ += IsHeartbeat(bytes) ? 0 : bytes.size();
    client_.HandleBytes(io::EventLoop::Now(), bytes);
    Pump();
  }

  void OnEvent(const mesh::ControlAdmitted&) {
    admitted_at_ = NowSeconds();
    UpdateWhole();
  }

  void OnEvent(const mesh::ControlMapChanged&) {
    if (!changed_at_) {
      changed_at_ = NowSeconds();
    }
    UpdateWhole();
  }

  void OnEvent(const mesh::ControlLost& lost) {
    UpdateWhole();
    ++fleet_.ends[lost.why];
    if (lost.is_final) {
      Print({{"event", "lost"}, {"why", lost.why}});
    }
  }

  template <class Other>
  void OnEvent(const Other&) {}

  [[nodiscard]] bool IsWhole() const {
    const mesh::MapReplica* map = client_.map();
    if (!client_.is_admitted() || map == nullptr) {
      return false;
    }
    const auto& peers = map->map().peers;
    return peers.size() == fleet_.peers &&
           std::ranges::all_of(
               peers, [](const auto& peer) { return peer.second.is_online; });
  }

  void UpdateWhole() {
    const bool was_whole = std::exchange(is_whole_, IsWhole());
    if (is_whole_ && !was_whole) {
      whole_at_ = NowSeconds();
      if (++fleet_.whole == fleet_.nodes) {
        Print({{"event", "whole"}, {"t", whole_at_}});
      }
    } else if (was_whole && !is_whole_) {
      --fleet_.whole;
    }
  }

  Fleet& fleet_;
  IpAddress source_;
  mesh::ControlClient client_;
  io::Timer timer_;
  std::unique_ptr<shell::StreamClient> stream_;
  bool is_whole_ = false;
  double admitted_at_ = 0;
  double whole_at_ = 0;
  std::optional<double> changed_at_;
  size_t bytes_ = 0;
};

using Nodes = std::vector<std::unique_ptr<Node>>;

json Progress(const Fleet& fleet, const Nodes& nodes) {
  const auto admitted = std::ranges::count_if(
      nodes, [](const auto& node) { return node->is_admitted(); });
  return {{"admitted", admitted}, {"whole", fleet.whole}};
}

json Joins(Fleet& fleet, const Nodes& nodes) {
  json admitted = json::array();
  json whole = json::array();
  for (const auto& node : nodes) {
    admitted.push_back(node->admitted_at());
    whole.push_back(node->whole_at());
  }
  return {{"admitted", admitted},
          {"whole", whole},
          {"ends", std::exchange(fleet.ends, {})}};
}

json Taken(const Nodes& nodes) {
  json times = json::array();
  json bytes = json::array();
  for (const auto& node : nodes) {
    times.push_back(node->changed_at() ? json(*node->changed_at()) : json());
    bytes.push_back(node->bytes());
  }
  return {{"times", times}, {"bytes", bytes}};
}

json Answer(Fleet& fleet, const Nodes& nodes, const std::string& line) {
  std::istringstream words(line);
  std::string name;
  words >> name;
  if (name == "progress") {
    return Progress(fleet, nodes);
  }
  if (name == "joins") {
    return Joins(fleet, nodes);
  }
  if (name == "taken") {
    return Taken(nodes);
  }
  if (name == "mark") {
    for (const auto& node : nodes) {
      node->Mark();
    }
    return {{"done", true}};
  }
  size_t index = nodes.size();
  uint16_t port = 0;
  words >> index >> port;
  if (name != "report" || index >= nodes.size()) {
    return {{"event", "lost"}, {"why", "unknown command: " + line}};
  }
  const double now = NowSeconds();
  nodes[index]->Report(port);
  return {{"t", now}};
}

std::vector<std::string> ReadLines(const std::string& path) {
  std::vector<std::string> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    lines.push_back(line);
  }
  return lines;
}

std::optional<Fleet> MakeFleet(const Options& options, io::EventLoop& loop,
                               Rng& rng) {
  auto server = shell::ParseServerAddress(options.server);
  auto tls = tls::ClientContext::Make(
      {.min_version = tls::Version::kTls13, .alpn = {"natkit-coordination/1"}});
  if (!server || !tls) {
    return std::nullopt;
  }
  server->pin = options.pin;
  return Fleet{.loop = loop,
               .rng = rng,
               .server = *server,
               .tls = std::move(*tls),
               .peers = std::min(options.group, options.nodes) - 1,
               .nodes = options.nodes};
}

int Run(const Options& options) {
  io::IgnoreBrokenPipes();
  SystemRng rng;
  io::EventLoop loop;
  auto fleet = MakeFleet(options, loop, rng);
  const auto keys = ReadLines(options.keys);
  if (!fleet || options.nodes % std::min(options.group, options.nodes) != 0) {
    std::fputs("coord_load: bad --server, or groups that are not full\n",
               stderr);
    return 2;
  }
  Nodes nodes;
  for (size_t i = 0; i < options.nodes; ++i) {
    const size_t group = i / options.group;
    auto key = group < keys.size() ? keys[group] : std::string();
    nodes.push_back(std::make_unique<Node>(
        *fleet, SourceOf(group), MakeConfig(options, i, std::move(key))));
  }
  for (const auto& node : nodes) {
    node->Start();
  }
  std::jthread reader([&] {
    for (std::string line; std::getline(std::cin, line);) {
      loop.Post([&, line] { Print(Answer(*fleet, nodes, line)); });
    }
    loop.Post([&] { loop.Stop(); });
  });
  loop.Run();
  return 0;
}

int Main(int argc, char** argv) {
  CLI::App app{"Many nodes toward a coordination server."};
  Options options;
  app.add_option("--server", options.server)->required();
  app.add_option("--pin", options.pin)->required();
  app.add_option("--nodes", options.nodes)->check(CLI::PositiveNumber);
  app.add_option("--group", options.group)->check(CLI::PositiveNumber);
  app.add_option("--keys", options.keys);
  app.add_option("--seed", options.seed);
  CLI11_PARSE(app, argc, argv);
  constexpr size_t kReserved = 64;
  if (shell::RaiseDescriptorLimit() < options.nodes + kReserved) {
    std::fputs("coord_load: the limit of open files is too low (ulimit -Hn)\n",
               stderr);
    return 1;
  }
  return Run(options);
}

}  // namespace
}  // namespace natkit

int main(int argc, char** argv) {
  return natkit::Main(argc, argv);
}
