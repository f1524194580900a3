#include <algorithm>
#include <utility>

#include "natkit/base/check.h"
#include "server/server_impl.h"
#include "wire/sealed_box.h"

namespace natkit::derp {
namespace {

// Responses that a client requests without reading them may pile up to this.
constexpr size_t kMaxStagedHttp = 64 * 1024;

HttpResponse BadRequest() {
  HttpResponse response{.status = 400, .body = "400 Bad Request\n"};
  response.headers.Add("Content-Type", "text/plain; charset=utf-8");
  response.headers.Add("Connection", "close");
  return response;
}

}  // namespace

ServerCore::Impl::Impl(ServerConfig config, Rng& rng)
    : config_(std::move(config)),
      rng_(rng),
      public_key_(DerivePublicKey(config_.private_key)),
      pool_(config_.max_queued_bytes),
      clients_(config_.duplicate_policy, rng) {
  NATKIT_CHECK(config_.keep_alive_interval > Duration::zero());
  NATKIT_CHECK(config_.queue_depth > 0);
  NATKIT_CHECK(config_.max_connections_per_key > 0);
}

void ServerCore::Impl::Accept(Instant now, ConnectionId id,
                              const RemoteInfo& remote) {
  auto& slot = connections_[id];
  NATKIT_CHECK(slot == nullptr);
  slot = std::make_unique<Connection>(id, remote);
  slot->pending_position = idle_.insert(idle_.end(), slot.get());
  SetDeadline(*slot, now + config_.http_timeout);
}

size_t ServerCore::Impl::HandleSomeBytes(Instant now, ConnectionId id,
                                         ByteView bytes) {
  const size_t given = bytes.size();
  Connection* const connection = Find(id);
  if (connection == nullptr) {
    return given;
  }
  has_filled_queue_ = false;
  Outcome outcome;
  if (connection->phase == Phase::kHttp) {
    outcome = HandleHttp(now, *connection, bytes);
  }
  if (!outcome && connection->phase == Phase::kLogin) {
    outcome = HandleLogin(now, *connection, bytes);
  }
  if (!outcome && connection->phase == Phase::kRunning) {
    outcome = HandleFrames(now, *connection, bytes);
  }
  if (outcome) {
    if (connection->phase == Phase::kRunning) {
      Close(now, *connection, *outcome);
    } else {
      CloseAfterOutput(now, *connection, *outcome);
    }
  }
  return has_filled_queue_ && !outcome ? given - bytes.size() : given;
}

ServerCore::Impl::Outcome ServerCore::Impl::HandleHttp(Instant now,
                                                       Connection& connection,
                                                       ByteView& input) {
  while (connection.phase == Phase::kHttp) {
    const auto head = connection.http->Next(input);
    if (!head || connection.outbox.staged().size() > kMaxStagedHttp) {
      connection.outbox.staged().AppendText(
          SerializeResponse(BadRequest(), "GET"));
      MarkPending(now, connection);
      return CloseReason::kBadHttp;
    }
    if (!*head) {
      return std::nullopt;
    }
    if (const Outcome outcome = HandleRequest(now, connection, **head)) {
      return outcome;
    }
  }
  return std::nullopt;
}

ServerCore::Impl::Outcome ServerCore::Impl::HandleRequest(
    Instant now, Connection& connection, std::string_view head) {
  const auto request = ParseHttpRequest(head);
  StagedBytes& staged = connection.outbox.staged();
  MarkPending(now, connection);
  if (!request) {
    staged.AppendText(SerializeResponse(BadRequest(), "GET"));
    return CloseReason::kBadHttp;
  }
  const UpgradeKind kind = config_.site.relay == RelayMode::kEnabled
                               ? ClassifyUpgrade(*request)
                               : UpgradeKind::kNone;
  if (kind == UpgradeKind::kDerp || kind == UpgradeKind::kFastStart) {
    if (kind == UpgradeKind::kDerp) {
      staged.AppendText(UpgradeResponse(public_key_));
    }
    BeginLogin(now, connection, *request);
    return std::nullopt;
  }
  HttpResponse response = RespondToRequest(*request, config_.site);
  const bool closes = !request->keeps_alive() || request->has_body() ||
                      response.headers.HasToken("Connection", "close");
  if (closes && !response.headers.Find("Connection")) {
    response.headers.Add("Connection", "close");
  }
  staged.AppendText(SerializeResponse(response, request->method));
  SetDeadline(connection, now + config_.http_timeout);
  return closes ? Outcome(CloseReason::kHttpDone) : std::nullopt;
}

void ServerCore::Impl::BeginLogin(Instant now, Connection& connection,
                                  const HttpRequest& request) {
  ++counters_.accepts;
  const auto ideal_node = request.headers.Find("Ideal-Node");
  connection.is_not_ideal = ideal_node && !ideal_node->empty();
  connection.phase = Phase::kLogin;
  AppendServerKey(public_key_, connection.outbox.staged().tail());
  SetDeadline(connection, now + config_.login_timeout);
}

ServerCore::Impl::Outcome ServerCore::Impl::HandleLogin(Instant now,
                                                        Connection& connection,
                                                        ByteView& input) {
  connection.http.reset();
  const auto frame = connection.decoder.Next(input);
  if (!frame) {
    return CloseReason::kLoginRejected;
  }
  if (!*frame) {
    return std::nullopt;
  }
  return HandleClientInfo(now, connection, (*frame)->payload);
}

ServerCore::Impl::Outcome ServerCore::Impl::HandleClientInfo(
    Instant now, Connection& connection, ByteView payload) {
  ByteReader in(payload);
  if (!in.ReadInto(connection.key.bytes) || connection.key.is_zero()) {
    return CloseReason::kLoginRejected;
  }
  auto json = OpenSealedBox(in.ReadRest(), connection.key, config_.private_key);
  if (!json) {
    return CloseReason::kLoginRejected;
  }
  const auto info = ParseClientInfo(*json);
  WipeBytes(*json);
  if (!info || !StageServerInfo(connection)) {
    return CloseReason::kLoginRejected;
  }
  connection.is_mesh_peer = IsMeshKey(info->mesh_key);
  connection.is_prober = info->is_prober;
  Register(now, connection);
  return std::nullopt;
}

bool ServerCore::Impl::IsMeshKey(const std::optional<MeshKey>& key) const {
  return key && config_.mesh_key && !config_.mesh_key->is_zero() &&
         key->EqualsConstantTime(*config_.mesh_key);
}

bool ServerCore::Impl::StageServerInfo(Connection& connection) {
  const std::string json = ToJson(ServerInfo{.version = kProtocolVersion});
  std::vector<uint8_t> sealed;
  if (!AppendSealedBox(AsBytes(json), connection.key, config_.private_key, rng_,
                       sealed)) {
    return false;
  }
  AppendFrame(FrameType::kServerInfo, sealed,
              connection.outbox.staged().tail());
  return true;
}

void ServerCore::Impl::Register(Instant now, Connection& connection) {
  const ClientEntry* const entry = clients_.Find(connection.key);
  if (entry != nullptr &&
      entry->connections.size() >= config_.max_connections_per_key) {
    Close(now, *entry->connections.front(), CloseReason::kTooManyDuplicates);
  }
  clients_.Register(connection, counters_);
  ++counters_.current_connections;
  counters_.current_notideal_connections += connection.is_not_ideal ? 1 : 0;
  auto& pending_before = PendingList(connection);
  connection.phase = Phase::kRunning;
  connection.connected_at = now;
  if (connection.is_pending) {
    connection.pending_since = now;
    auto& pending = PendingList(connection);
    pending.splice(pending.end(), pending_before, connection.pending_position);
  }
  connection.decoder.SetRules(kServerRules);
  const auto jitter = static_cast<uint64_t>(config_.keep_alive_jitter.count());
  connection.keep_alive_period =
      config_.keep_alive_interval + Duration(rng_.Below(jitter));
  SetDeadline(connection, now + connection.keep_alive_period);
  MarkPending(now, connection);
  events_.emplace_back(ClientRegistered{.id = connection.id,
                                        .key = connection.key,
                                        .remote = connection.remote.endpoint,
                                        .is_mesh_peer = connection.is_mesh_peer,
                                        .is_prober = connection.is_prober});
}

}  // namespace natkit::derp
