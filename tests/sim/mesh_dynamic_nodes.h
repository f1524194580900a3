#pragma once

#include <memory>
#include <optional>
#include <string>

#include "mesh_two_nodes.h"

namespace natkit::mesh {

inline constexpr sim::NatBehavior kHomeNat = {
    .mapping = sim::Dependence::kEndpointIndependent,
    .filtering = sim::Dependence::kAddressAndPortDependent};
inline constexpr sim::NatBehavior kSymmetricNat = {
    .mapping = sim::Dependence::kAddressAndPortDependent,
    .filtering = sim::Dependence::kAddressAndPortDependent};

/// Where the two nodes ask for the pre-shared key of their pair.
struct PairKeys {
  std::shared_ptr<PresharedKeyProvider> of_a;
  std::shared_ptr<PresharedKeyProvider> of_b;
};

/// Two nodes that start without peers, each with a signalling key of its own.
class DynamicNodes : public TwoNodes {
 public:
  explicit DynamicNodes(uint64_t seed, bool has_relays = true,
                        const sim::NatBehavior& nat = kHomeNat,
                        const std::optional<FilterConfig>& filter = {},
                        const PairKeys& pair_keys = {})
      : TwoNodes(nat, nat, seed) {
    a.UsePairKeys(pair_keys.of_a);
    b.UsePairKeys(pair_keys.of_b);
    a.UseFilter(filter);
    b.UseFilter(filter);
    key_a = a.public_key();
    key_b = b.public_key();
    signalling_a_ = a.UseSignallingKey();
    signalling_b_ = b.UseSignallingKey();
    if (!has_relays) {
      mesh().relays.clear();
    }
    a.Start(Alone("a"), "a", servers());
    b.Start(Alone("b"), "b", servers());
    world().Run(std::chrono::seconds(1));
  }

  [[nodiscard]] PeerConfig DescribeA() {
    return Describe("a", key_a, next_a, signalling_a_);
  }

  [[nodiscard]] PeerConfig DescribeB() {
    return Describe("b", key_b, next_b, signalling_b_);
  }

  /// Tells a of b, as it is described now.
  bool TellA() {
    return a.Do([&](Node& node, Instant now) {
      return node.SetPeer(now, DescribeB()).has_value();
    });
  }

  bool TellB() {
    return b.Do([&](Node& node, Instant now) {
      return node.SetPeer(now, DescribeA()).has_value();
    });
  }

  bool RemoveB() {
    return a.Do(
        [&](Node& node, Instant now) { return node.RemovePeer(now, key_b); });
  }

  /// Carries signals of both over the coordination server.
  void ConnectControl() {
    a.UseControl([this](const ControlSignal& signal) {
      Carry(b, signalling_a_, signal);
    });
    b.UseControl([this](const ControlSignal& signal) {
      Carry(a, signalling_b_, signal);
    });
  }

  PublicKey key_a;
  PublicKey key_b;
  std::optional<PublicKey> next_a;
  std::optional<PublicKey> next_b;

 private:
  MeshFile Alone(const std::string& name) {
    MeshFile alone = mesh();
    std::erase_if(alone.nodes,
                  [&](const NodeEntry& entry) { return entry.name != name; });
    return alone;
  }

  PeerConfig Describe(const std::string& name, const PublicKey& key,
                      const std::optional<PublicKey>& next,
                      const PublicKey& signalling) {
    PeerConfig config;
    config.entry = *mesh().FindNode(name);
    config.entry.public_key = key;
    config.next_key = next;
    config.signalling_key = signalling;
    config.home_relay = 0;
    return config;
  }

  /// With the delay of a server between them.
  void Carry(MeshHost& to, const PublicKey& from, const ControlSignal& signal) {
    mail_.Send(
        world().now() + std::chrono::milliseconds(40),
        [&to, from, bytes = signal.bytes] { to.TakeControl(from, bytes); });
  }

  class Mail : public sim::SimActor {
   public:
    explicit Mail(sim::SimWorld& world) { world.Add(*this); }

    void Send(Instant at, std::function<void()> deliver) {
      queue_.emplace_back(at, std::move(deliver));
    }

    [[nodiscard]] std::optional<Instant> NextTimeout() const override {
      return queue_.empty() ? std::nullopt
                            : std::optional(queue_.front().first);
    }

    void HandleTimeout(Instant now) override {
      while (!queue_.empty() && queue_.front().first <= now) {
        const auto deliver = std::move(queue_.front().second);
        queue_.pop_front();
        deliver();
      }
    }

   private:
    std::deque<std::pair<Instant, std::function<void()>>> queue_;
  };

  PublicKey signalling_a_;
  PublicKey signalling_b_;
  Mail mail_{world()};
};

}  // namespace natkit::mesh
