#include "natkit/mesh/registry/registry.h"

#include <charconv>
#include <utility>

#include "registry/registry_impl.h"

namespace natkit::mesh {

std::unexpected<Refusal> Refuse(RefusalKind kind, std::string text) {
  return std::unexpected(Refusal{.kind = kind, .text = std::move(text)});
}

Registry::Registry(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Registry::~Registry() = default;

std::expected<std::unique_ptr<Registry>, std::string> Registry::Load(
    RegistryConfig config, Store& store, Rng& rng, WallTime now) {
  auto impl = std::make_unique<Impl>(std::move(config), store, rng);
  if (auto loaded = impl->Load(now); !loaded) {
    return std::unexpected(loaded.error());
  }
  return std::unique_ptr<Registry>(new Registry(std::move(impl)));
}

void Registry::SetPolicyHooks(std::shared_ptr<const PolicyHooks> hooks) {
  impl_->hooks = std::move(hooks);
}

void Registry::AddAuthenticator(std::shared_ptr<Authenticator> authenticator) {
  impl_->AddAuthenticator(std::move(authenticator));
}

void Registry::SetRoutePrimary(const IpPrefix& prefix, NodeId router) {
  impl_->SetRoutePrimary(prefix, router);
}

void Registry::Logout(WallTime now, NodeId node) {
  (void)impl_->Delete(now, "node", node);
}

std::optional<WallTime> Registry::NextTimeout() const {
  return impl_->NextTimeout();
}

const ApiTokenRecord* Registry::CheckApiToken(WallTime now,
                                              std::string_view secret) const {
  return impl_->CheckApiToken(now, secret);
}

Result<void> Registry::Commit() {
  return impl_->Commit();
}

bool Registry::has_uncommitted() const {
  return impl_->has_uncommitted();
}

RegistryChanges Registry::TakeChanges() {
  return std::exchange(impl_->changes, {});
}

Decision<NodeId> Registry::Join(WallTime now, const JoinRequest& request) {
  return impl_->Join(now, request);
}

void Registry::Report(WallTime now, NodeId node, const NodeReport& report) {
  impl_->Report(now, node, report);
}

void Registry::SetOnline(WallTime now, NodeId node, bool is_online) {
  impl_->SetOnline(now, node, is_online);
}

Decision<void> Registry::AnnounceKey(WallTime now, NodeId node,
                                     const PublicKey& next) {
  return impl_->AnnounceKey(now, node, next);
}

Decision<void> Registry::ActivateKey(WallTime now, NodeId node,
                                     const PublicKey& key) {
  return impl_->ActivateKey(now, node, key);
}

void Registry::AbortKey(WallTime now, NodeId node) {
  impl_->AbortKey(now, node);
}

Decision<NodeId> Registry::Approve(WallTime now, std::string_view actor,
                                   std::string_view code_or_name,
                                   const Owner& owner) {
  return impl_->Approve(now, actor, code_or_name, owner);
}

Decision<void> Registry::Rename(WallTime now, std::string_view actor,
                                NodeId node, std::string_view name) {
  return impl_->Rename(now, actor, node, name);
}

Decision<void> Registry::SetOwner(WallTime now, std::string_view actor,
                                  NodeId node, const Owner& owner) {
  return impl_->SetOwner(now, actor, node, owner);
}

Decision<void> Registry::Delete(WallTime now, std::string_view actor,
                                NodeId node) {
  return impl_->Delete(now, actor, node);
}

Decision<void> Registry::SetExpiry(WallTime now, std::string_view actor,
                                   NodeId node, std::optional<WallTime> at) {
  return impl_->SetExpiry(now, actor, node, at);
}

Decision<void> Registry::ApproveRoutes(WallTime now, std::string_view actor,
                                       NodeId node,
                                       const std::vector<IpPrefix>& routes,
                                       bool exit) {
  return impl_->ApproveRoutes(now, actor, node, routes, exit);
}

Decision<void> Registry::AddUser(WallTime now, std::string_view actor,
                                 std::string_view name,
                                 const std::set<std::string>& roles) {
  return impl_->AddUser(now, actor, name, roles);
}

Decision<void> Registry::SetUserRoles(WallTime now, std::string_view actor,
                                      std::string_view name,
                                      const std::set<std::string>& roles) {
  return impl_->SetUserRoles(now, actor, name, roles);
}

Decision<void> Registry::DeleteUser(WallTime now, std::string_view actor,
                                    std::string_view name) {
  return impl_->DeleteUser(now, actor, name);
}

Decision<NewAuthKey> Registry::MakeAuthKey(WallTime now, std::string_view actor,
                                           const AuthKeySpec& spec) {
  return impl_->MakeAuthKey(now, actor, spec);
}

Decision<void> Registry::RevokeAuthKey(WallTime now, std::string_view actor,
                                       std::string_view id, bool with_nodes) {
  return impl_->RevokeAuthKey(now, actor, id, with_nodes);
}

Decision<NewAuthKey> Registry::MakeApiToken(
    WallTime now, std::string_view actor, const std::set<std::string>& scopes,
    std::optional<std::chrono::seconds> lifetime,
    std::string_view description) {
  return impl_->MakeApiToken(now, actor, scopes, lifetime, description);
}

Decision<void> Registry::RevokeApiToken(WallTime now, std::string_view actor,
                                        std::string_view id) {
  return impl_->RevokeApiToken(now, actor, id);
}

Decision<uint64_t> Registry::SetPolicy(WallTime now, std::string_view actor,
                                       std::string_view text,
                                       std::optional<uint64_t> expected) {
  return impl_->SetPolicy(now, actor, text, expected);
}

Decision<void> Registry::SetDns(WallTime now, std::string_view actor,
                                const DnsInfo& dns) {
  return impl_->SetDns(now, actor, dns);
}

Decision<uint64_t> Registry::AddRelay(WallTime now, std::string_view actor,
                                      const RelayInfo& relay) {
  return impl_->AddRelay(now, actor, relay);
}

Decision<void> Registry::RemoveRelay(WallTime now, std::string_view actor,
                                     uint64_t id) {
  return impl_->RemoveRelay(now, actor, id);
}

void Registry::HandleTimeout(WallTime now) {
  impl_->HandleTimeout(now);
}

const MeshRecord& Registry::mesh() const {
  return impl_->mesh;
}

const std::map<NodeId, NodeRecord>& Registry::nodes() const {
  return impl_->nodes;
}

const std::map<std::string, UserRecord>& Registry::users() const {
  return impl_->users;
}

const std::map<std::string, AuthKeyRecord>& Registry::auth_keys() const {
  return impl_->auth_keys;
}

const std::map<std::string, ApiTokenRecord>& Registry::api_tokens() const {
  return impl_->api_tokens;
}

const std::map<uint64_t, RelayRecord>& Registry::relays() const {
  return impl_->relays;
}

const std::map<IpPrefix, RoutePrimaryRecord>& Registry::route_primaries()
    const {
  return impl_->route_primaries;
}

uint64_t Registry::policy_inputs() const {
  return impl_->policy_inputs;
}

const PolicyRecord* Registry::policy() const {
  return impl_->policy ? &*impl_->policy : nullptr;
}

const NodeRecord* Registry::FindNode(NodeId id) const {
  return impl_->FindNode(id);
}

const NodeRecord* Registry::FindNode(std::string_view text) const {
  const auto named = impl_->by_name.find(text);
  if (named != impl_->by_name.end()) {
    return FindNode(named->second);
  }
  if (const auto address = IpAddress::Parse(text)) {
    const auto found = impl_->by_address.find(*address);
    return found == impl_->by_address.end() ? nullptr : FindNode(found->second);
  }
  NodeId id = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), id);
  return error == std::errc() && end == text.data() + text.size() ? FindNode(id)
                                                                  : nullptr;
}

const NodeRecord* Registry::FindByMachine(const MachineKey& key) const {
  const auto found = impl_->by_machine.find(key);
  return found == impl_->by_machine.end() ? nullptr : FindNode(found->second);
}

bool Registry::IsRevoked(const NodeKeys& keys) const {
  return impl_->IsRevoked(keys);
}

bool Registry::is_online(NodeId node) const {
  return impl_->live(node).is_online;
}

bool Registry::IsServing(WallTime now, const NodeRecord& node) const {
  return impl_->IsServing(now, node);
}

const std::vector<Endpoint>& Registry::endpoints(NodeId node) const {
  return impl_->live(node).endpoints;
}

uint64_t Registry::home_relay(NodeId node) const {
  return impl_->live(node).home_relay;
}

}  // namespace natkit::mesh
