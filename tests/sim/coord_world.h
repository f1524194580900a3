#pragma once

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "natkit/mesh/control/control_client.h"
#include "natkit/mesh/coord/coordinator.h"
#include "natkit/mesh/registry/memory_store.h"
#include "natkit/mesh/registry/registry.h"

namespace natkit::mesh {

/// A policy of tags: nodes with tag `from` reach nodes with tag `to`; "*" is
/// everybody. Routes are reached by a rule whose `to_prefix` covers them.
class TagPolicy : public PolicyView {
 public:
  struct Rule {
    uint64_t id = 0;
    std::string from;
    std::string to;
    uint16_t port = 0;
    std::optional<IpPrefix> to_prefix;
    bool is_internet = false;
  };

  explicit TagPolicy(std::vector<Rule> rules) : rules_(std::move(rules)) {}

  [[nodiscard]] std::vector<ViewRule> Rules() const override {
    std::vector<ViewRule> rules;
    for (const Rule& rule : rules_) {
      ViewRule view{.id = rule.id,
                    .ports = {{.first = rule.port, .last = rule.port}}};
      if (rule.to_prefix) {
        view.destinations.push_back(*rule.to_prefix);
      }
      rules.push_back(std::move(view));
    }
    return rules;
  }

  [[nodiscard]] std::vector<ViewRole> RolesOf(
      const NodeRecord& node, const UserRecord*) const override {
    std::vector<ViewRole> roles;
    for (const Rule& rule : rules_) {
      ViewRole in{.rule = rule.id, .direction = RuleDirection::kInbound};
      in.by_identity = Has(node, rule.to);
      for (const IpPrefix& route : node.approved) {
        if (rule.to_prefix && rule.to_prefix->Overlaps(route)) {
          in.own.push_back(route);
        }
      }
      in.is_exit =
          rule.is_internet && node.offers_exit && node.is_exit_approved;
      if (in.by_identity || !in.own.empty() || in.is_exit) {
        roles.push_back(std::move(in));
      }
      if (Has(node, rule.from)) {
        roles.push_back({.rule = rule.id,
                         .direction = RuleDirection::kOutbound,
                         .by_identity = true});
      }
    }
    std::ranges::sort(roles, {}, [](const ViewRole& role) {
      return std::pair(role.rule, role.direction);
    });
    return roles;
  }

  [[nodiscard]] bool AutoApproves(const Owner& owner,
                                  const IpPrefix&) const override {
    return std::ranges::find(owner.tags, "tag:router") != owner.tags.end();
  }

  [[nodiscard]] bool AutoApprovesExit(const Owner& owner) const override {
    return std::ranges::find(owner.tags, "tag:router") != owner.tags.end();
  }

  [[nodiscard]] bool MayAssignTag(const Owner&,
                                  std::string_view) const override {
    return true;
  }

 private:
  static bool Has(const NodeRecord& node, const std::string& tag) {
    return tag == "*" ||
           std::ranges::find(node.owner.tags, tag) != node.owner.tags.end();
  }

  std::vector<Rule> rules_;
};

/// A coordination server and its nodes in virtual time, joined by pipes.
class CoordWorld {
 public:
  /// What a node has written down, and finds again after a crash.
  struct Disk {
    MachineSeed machine_seed;
    StaticPrivateKey node_key;
    StaticPrivateKey signalling_key;
    std::optional<StaticPrivateKey> next_key;
    std::vector<uint8_t> map;
  };

  /// One node as a program would run it.
  struct Host {
    Disk disk;
    std::unique_ptr<ControlClient> client;
    std::optional<ConnectionId> connection;
    std::vector<ControlEvent> events;
    bool is_cut_off = false;  ///< connections fail
    bool is_mute = false;     ///< dead without a word: no byte in or out
    size_t bytes_from_server = 0;
    std::optional<AdmissionState> state;
    std::string code;
    std::optional<ControlLost> lost;
  };

  explicit CoordWorld(uint64_t seed, CoordinatorConfig config = {},
                      RegistryConfig registry_config = {})
      : rng_(seed),
        config_(std::move(config)),
        registry_config_(std::move(registry_config)) {
    registry_config_.ipv4 = *IpPrefix::Parse("100.64.0.0/10");
    registry_config_.ipv6 = *IpPrefix::Parse("fd7a:1234:5678::/48");
    Boot();
  }

  /// (Re)starts the server from its store.
  void Boot() {
    for (auto& [name, host] : hosts) {
      if (host.connection) {
        host.connection.reset();
        host.client->HandleClosed(now_, "connection reset");
      }
    }
    by_connection_.clear();
    writable_.clear();
    server.reset();
    registry =
        std::move(*Registry::Load(registry_config_, store, rng_, Time().wall));
    server = std::make_unique<Coordinator>(config_, *registry, rng_, Time());
    if (policy) {
      server->SetPolicy(Time(), policy);
    }
  }

  [[nodiscard]] ServerTime Time() const {
    using std::chrono::milliseconds;
    constexpr milliseconds kEpoch{1'800'000'000'000};
    return {.now = now_,
            .wall = WallTime(kEpoch + std::chrono::duration_cast<milliseconds>(
                                          now_.time_since_epoch()))};
  }

  [[nodiscard]] Instant now() const { return now_; }

  SeededRng& rng() { return rng_; }

  void SetPolicy(std::vector<TagPolicy::Rule> rules) {
    policy = std::make_shared<TagPolicy>(std::move(rules));
    server->SetPolicy(Time(), policy);
  }

  std::string MakeKey(std::vector<std::string> tags, bool is_reusable = true) {
    return registry
        ->MakeAuthKey(
            Time().wall, "test",
            {.owner = {.tags = std::move(tags)}, .is_reusable = is_reusable})
        ->secret;
  }

  Host& Add(const std::string& name, const std::string& auth_key,
            ControlClientConfig config = {}) {
    rng_.Fill(config.machine_seed.ExposeMutable());
    config.node_key = GeneratePrivateKey(rng_);
    config.signalling_key = GeneratePrivateKey(rng_);
    config.auth_key = SecretString(auth_key);
    config.host_name = name;
    Host& host = hosts[name];
    host.disk = {.machine_seed = config.machine_seed.Clone(),
                 .node_key = config.node_key.Clone(),
                 .signalling_key = config.signalling_key.Clone(),
                 .next_key = std::nullopt,
                 .map = {}};
    host.client = std::make_unique<ControlClient>(std::move(config), rng_);
    host.client->Start(now_);
    return host;
  }

  /// A node is killed, and starts again from what its disk has.
  void Crash(const std::string& name) {
    Host& host = hosts.at(name);
    if (host.connection) {
      server->HandleClosed(Time(), *host.connection);
      by_connection_.erase(*host.connection);
      host.connection.reset();
    }
    host.events.clear();
    ControlClientConfig config{
        .machine_seed = host.disk.machine_seed.Clone(),
        .node_key = host.disk.node_key.Clone(),
        .signalling_key = host.disk.signalling_key.Clone(),
        .host_name = name};
    if (!host.disk.map.empty()) {
      config.saved_map = std::move(*MapReplica::Load(host.disk.map));
    }
    host.client = std::make_unique<ControlClient>(std::move(config), rng_);
    if (host.disk.next_key) {
      host.client->AnnounceKey(now_, host.disk.next_key->Clone());
    }
    host.client->Start(now_);
  }

  /// Begins a rotation as a node does: the next key is on disk first.
  void RotateKey(const std::string& name) {
    Host& host = hosts.at(name);
    host.disk.next_key = GeneratePrivateKey(rng_);
    host.client->AnnounceKey(now_, host.disk.next_key->Clone());
  }

  /// Called before each thing that happens; true says that it has crashed the
  /// server or a node.
  std::function<bool()> on_step;

  NodeId IdOf(const std::string& name) const {
    const NodeRecord* node =
        registry->FindByMachine(hosts.at(name).client->machine_key());
    return node == nullptr ? 0 : node->id;
  }

  /// Breaks the connection, wherever its bytes are.
  void Cut(const std::string& name) {
    Host& host = hosts.at(name);
    if (host.connection) {
      server->HandleClosed(Time(), *host.connection);
      by_connection_.erase(*host.connection);
      host.connection.reset();
      host.client->HandleClosed(now_, "connection reset");
    }
  }

  /// Carries bytes and time until `duration` has passed. At most `chunk` bytes
  /// travel at a time.
  void Run(Duration duration, size_t chunk = 65536) {
    const Instant end = now_ + duration;
    for (;;) {
      Carry(chunk);
      const auto next = NextTimeout();
      if (!next || *next > end) {
        break;
      }
      now_ = std::max(now_, *next);
      server->HandleTimeout(Time());
      for (auto& [name, host] : hosts) {
        const auto at = host.client->NextTimeout();
        if (at && *at <= now_ && !host.is_mute) {
          host.client->HandleTimeout(now_);
        }
      }
    }
    now_ = end;
  }

  /// The server stands still: time passes, and nothing is done.
  void Stall(Duration duration) { now_ += duration; }

  /// What a node with exactly this view would hold.
  [[nodiscard]] NetworkMap Expected(NodeId viewer) const {
    const ViewIndex& views = server->views();
    MapUpdate whole{.epoch = 1, .sequence = 1, .is_snapshot = true};
    for (const ItemKey& key : views.ListItems(viewer)) {
      whole.put.push_back({.key = key, .body = *views.Body(viewer, key)});
    }
    for (const RuleKey& rule : views.ListRules(viewer)) {
      whole.members.push_back({.rule = rule.id,
                               .direction = rule.direction,
                               .add = views.Members(viewer, rule),
                               .is_whole = true});
    }
    whole.digest = views.Digest(viewer);
    MapReplica replica(registry->mesh().digest_key);
    const auto applied = replica.Apply(std::move(whole));
    return applied && applied->is_complete ? replica.map() : NetworkMap{};
  }

  MemoryStore store;
  std::unique_ptr<Registry> registry;
  std::unique_ptr<Coordinator> server;
  std::shared_ptr<TagPolicy> policy;
  std::map<std::string, Host> hosts;

 private:
  [[nodiscard]] std::optional<Instant> NextTimeout() const {
    auto next = server->NextTimeout();
    for (const auto& [name, host] : hosts) {
      const auto at = host.client->NextTimeout();
      if (at && !host.is_mute) {
        next = next ? std::min(*next, *at) : *at;
      }
    }
    return next;
  }

  void Connect(const std::string& name, Host& host) {
    if (host.is_cut_off) {
      host.client->HandleClosed(now_, "unreachable");
      return;
    }
    std::array<uint8_t, 32> exporter{};
    rng_.Fill(exporter);
    host.connection = ++last_connection_;
    by_connection_[*host.connection] = name;
    server->HandleOpen(Time(), *host.connection, exporter,
                       IpAddress::V4(192, 0, 2, 1));
    host.client->HandleOpen(now_, exporter);
  }

  bool CarryFrom(const std::string& name, Host& host, size_t chunk) {
    bool moved = false;
    if (host.is_mute) {
      return moved;
    }
    // Steps come before what they may make undone.
    for (;;) {
      if (Step()) {
        return true;
      }
      const auto command = host.client->PollCommand();
      if (!command) {
        break;
      }
      moved = true;
      if (std::holds_alternative<ControlConnect>(*command)) {
        Connect(name, host);
      } else if (host.connection) {
        server->HandleClosed(Time(), *host.connection);
        by_connection_.erase(*host.connection);
        host.connection.reset();
      }
    }
    for (;;) {
      if (Step()) {
        return true;
      }
      auto event = host.client->PollEvent();
      if (!event) {
        break;
      }
      if (Note(host, *event)) {
        return true;
      }
    }
    if (Step()) {
      return true;
    }
    std::vector<uint8_t> bytes(chunk);
    const size_t size = host.client->PollBytes(bytes);
    if (size > 0 && host.connection) {
      moved = true;
      server->HandleBytes(Time(), *host.connection,
                          ByteView(bytes).first(size));
    }
    return moved;
  }

  bool Step() { return on_step && on_step(); }

  /// The order of a node's program: its disk, then its word. True after a
  /// crash in between.
  bool Follow(Host& host, const ControlRotation& rotation) {
    if (!host.disk.next_key) {
      return false;
    }
    const bool is_abort = rotation.step == RotationStep::kAbort;
    if (!is_abort) {
      host.disk.node_key = host.disk.next_key->Clone();
    }
    host.disk.next_key.reset();
    const ControlClient* before = host.client.get();
    const bool crashed = Step();
    if (host.client.get() != before) {
      return true;
    }
    is_abort ? host.client->AbortRotation(now_) : host.client->SwitchKey(now_);
    return crashed;
  }

  bool Note(Host& host, ControlEvent& event) {
    if (const auto* admitted = std::get_if<ControlAdmitted>(&event)) {
      host.state = admitted->state;
      host.code = admitted->approval_code;
    } else if (const auto* lost = std::get_if<ControlLost>(&event)) {
      host.lost = *lost;
    } else if (std::holds_alternative<ControlMapChanged>(event)) {
      host.disk.map = host.client->map()->Save();
    } else if (const auto* rotation = std::get_if<ControlRotation>(&event)) {
      if (Follow(host, *rotation)) {
        return true;
      }
    }
    host.events.push_back(std::move(event));
    return false;
  }

  bool CarryFromServer(size_t chunk) {
    bool moved = false;
    if (Step()) {
      return true;
    }
    if (!server->Settle(Time())) {
      Boot();  // a server whose store fails ends, and is started again
      return true;
    }
    for (const ConnectionId id : server->TakeWritable()) {
      writable_.insert(id);
    }
    while (!writable_.empty()) {
      const ConnectionId id = *writable_.begin();
      std::vector<uint8_t> bytes(chunk);
      for (;;) {
        if (Step()) {
          return true;
        }
        const size_t size = server->PollBytes(Time(), id, bytes);
        if (size == 0) {
          break;
        }
        moved = true;
        const auto name = by_connection_.find(id);
        if (name == by_connection_.end()) {
          continue;
        }
        Host& host = hosts.at(name->second);
        if (host.is_mute || host.connection != id) {
          continue;  // it has lost this one
        }
        host.bytes_from_server += size;
        host.client->HandleBytes(now_, ByteView(bytes).first(size));
      }
      writable_.erase(id);
    }
    while (const auto close = server->PollCommand()) {
      moved = true;
      const auto name = by_connection_.find(close->connection);
      if (name == by_connection_.end()) {
        continue;
      }
      Host& host = hosts.at(name->second);
      by_connection_.erase(name);
      if (host.connection == close->connection) {
        host.connection.reset();
        if (!host.is_mute) {
          host.client->HandleClosed(now_, "closed by the server");
        }
      }
      server->HandleClosed(Time(), close->connection);
    }
    return moved;
  }

  void Carry(size_t chunk) {
    bool moved = true;
    while (moved) {
      moved = false;
      for (auto& [name, host] : hosts) {
        moved = CarryFrom(name, host, chunk) || moved;
      }
      moved = CarryFromServer(chunk) || moved;
    }
  }

  SeededRng rng_;
  CoordinatorConfig config_;
  RegistryConfig registry_config_;
  Instant now_{};
  ConnectionId last_connection_ = 0;
  std::map<ConnectionId, std::string> by_connection_;
  std::set<ConnectionId> writable_;
};

}  // namespace natkit::mesh
