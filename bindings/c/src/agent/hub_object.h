#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "agent/hub_shell.h"
#include "natkit/agent.h"
#include "support/handle_table.h"

namespace natkit::c {

/// Agents that were freed, until a call on their hub takes them out of it: they
/// may be freed while another call is at work there.
class FreedAgents {
 public:
  void Add(mesh::AgentId agent) {
    const std::lock_guard lock(mutex_);
    agents_.push_back(agent);
  }

  [[nodiscard]] std::vector<mesh::AgentId> TakeAll() {
    const std::lock_guard lock(mutex_);
    return std::exchange(agents_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<mesh::AgentId> agents_;
};

/// What a natkit_hub stands for.
class HubObject final : public Object {
 public:
  static constexpr HandleKind kKind = HandleKind::kHub;

  /// What the program knows an agent by.
  struct Owner {
    natkit_agent* handle = nullptr;
    void* user = nullptr;
  };

  explicit HubObject(std::unique_ptr<HubShell> shell)
      : shell_(std::move(shell)) {}

  /// Without the agents that were freed.
  [[nodiscard]] HubShell& shell();

  [[nodiscard]] const std::shared_ptr<FreedAgents>& freed() const {
    return freed_;
  }

  void SetOwner(mesh::AgentId agent, const Owner& owner) {
    owners_[agent] = owner;
  }

  /// Nothing for an agent that is gone.
  [[nodiscard]] Owner OwnerOf(mesh::AgentId agent) const;

  void SetRelayUser(mesh::RelayId relay, void* user) {
    relay_users_[relay] = user;
  }

  [[nodiscard]] void* RelayUser(mesh::RelayId relay) const {
    const auto found = relay_users_.find(relay);
    return found == relay_users_.end() ? nullptr : found->second;
  }

 private:
  std::unique_ptr<HubShell> shell_;
  std::shared_ptr<FreedAgents> freed_ = std::make_shared<FreedAgents>();
  std::map<mesh::AgentId, Owner> owners_;
  std::map<mesh::RelayId, void*> relay_users_;
};

/// What a natkit_agent stands for: its place in its hub.
class AgentObject final : public Object {
 public:
  static constexpr HandleKind kKind = HandleKind::kAgent;

  AgentObject(natkit_hub* hub, mesh::AgentId id, void* user,
              std::shared_ptr<FreedAgents> freed)
      : hub_(hub), id_(id), user_(user), freed_(std::move(freed)) {}

  ~AgentObject() override;

  [[nodiscard]] natkit_hub* hub() const { return hub_; }

  [[nodiscard]] mesh::AgentId id() const { return id_; }

  [[nodiscard]] void* user() const { return user_; }

 private:
  natkit_hub* hub_;
  mesh::AgentId id_;
  void* user_;
  std::shared_ptr<FreedAgents> freed_;
};

/// A natkit_path out of what the hub says of it; `relays` by their numbers.
[[nodiscard]] natkit_path ToPath(const HubShell& shell, const mesh::Path& path);

}  // namespace natkit::c
