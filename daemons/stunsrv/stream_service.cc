#include "stream_service.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "natkit/base/check.h"
#include "natkit/nat/stun_message.h"
#include "natkit/nat/stun_stream_framer.h"
#include "natkit/shell/files.h"
#include "natkit/shell/stream_server.h"
#include "natkit/tls/channel.h"
#include "natkit/tls/identity.h"

namespace natkit::stunsrv {

namespace {

using shell::Outcome;

/// Requests are short; nobody needs more.
constexpr size_t kMaxMessageSize = 2048;
/// Responses that a client leaves unread before it is dropped.
constexpr size_t kHighWater = size_t{16} * 1024;

io::StreamOptions StreamOptionsFor() {
  return {.high_water = kHighWater, .linger = std::chrono::seconds(1)};
}

Outcome<tls::Identity> LoadIdentity(const Settings& settings) {
  const auto chain = shell::ReadFile(settings.certificate);
  if (!chain) {
    return std::unexpected(chain.error());
  }
  const auto key = shell::ReadSecretFile(settings.private_key);
  if (!key) {
    return std::unexpected(key.error());
  }
  auto identity = tls::Identity::FromPem(*chain, AsText(key->Expose()));
  if (!identity) {
    return std::unexpected(settings.certificate + " and " +
                           settings.private_key + ": " +
                           std::string(ErrcName(identity.error().code)));
  }
  return *std::move(identity);
}

/// What counts as one source, as it does for the rate: whoever has an IPv6
/// address has the others of its /64 too.
IpPrefix SourceOf(const IpAddress& address) {
  return IpPrefix::Make(address, address.is_v4() ? 32 : 64)
      .value_or(IpPrefix());
}

/// A client's keepalive: nothing is to be answered (RFC 8489 section 6.3.2).
bool IsIndication(ByteView bytes) {
  const auto message = stun::Message::Parse(bytes);
  return message && message->type() == stun::kBindingIndication;
}

}  // namespace

Outcome<void> CheckFiles(const Settings& settings) {
  if (settings.certificate.empty()) {
    return {};
  }
  const auto identity = LoadIdentity(settings);
  if (!identity) {
    return std::unexpected(identity.error());
  }
  return {};
}

struct StreamService::Connection {
  Endpoint local;
  Endpoint remote;
  Instant deadline;
  stun::StreamFramer framer{kMaxMessageSize};
  std::optional<shell::SecureStream> stream{};
};

StreamService::StreamService(io::EventLoop& loop, Rng& rng)
    : loop_(loop), rng_(rng), timer_(loop, [this] { OnTimer(); }) {}

StreamService::~StreamService() = default;

Outcome<void> StreamService::Start(const Settings& settings,
                                   InheritedSockets& inherited) {
  const auto identity = LoadCertificate(settings);
  if (!identity) {
    return std::unexpected(identity.error());
  }
  UseCertificate(*identity);
  for (InheritedListener& listener : inherited.streams) {
    if (auto taken = Inherit(settings, std::move(listener)); !taken) {
      return taken;
    }
  }
  return Reload(settings);
}

Outcome<void> StreamService::Reload(const Settings& settings) {
  auto opened = OpenMissing(settings);
  if (!opened) {
    return std::unexpected(opened.error());
  }
  listeners_.merge(*opened);
  std::set<std::pair<Endpoint, bool>> wanted;
  for (const Endpoint& local : settings.tcp) {
    wanted.emplace(local, false);
  }
  for (const Endpoint& local : settings.tls) {
    wanted.emplace(local, true);
  }
  std::erase_if(listeners_, [&wanted](const auto& listener) {
    return !wanted.contains(listener.first);
  });
  Apply(settings);
  return {};
}

void StreamService::Apply(const Settings& settings) {
  max_connections_ = settings.max_connections;
  max_per_source_ = settings.max_connections_per_source;
  idle_timeout_ = settings.idle_timeout;
  if (server_) {
    retired_ += server_->counters();
  }
  server_.emplace(MakeServerConfig(settings), rng_);
}

Outcome<std::optional<tls::Identity>> StreamService::LoadCertificate(
    const Settings& settings) {
  if (settings.certificate.empty()) {
    return std::nullopt;
  }
  auto identity = LoadIdentity(settings);
  if (!identity) {
    return std::unexpected(identity.error());
  }
  if (!tls::ServerContext::Make(*identity)) {
    return std::unexpected(settings.certificate + " is not usable for TLS");
  }
  return *std::move(identity);
}

void StreamService::UseCertificate(
    const std::optional<tls::Identity>& identity) {
  if (!identity) {
    return;
  }
  if (tls_) {
    NATKIT_CHECK(tls_->Reload(*identity).has_value());
    return;
  }
  auto context = tls::ServerContext::Make(*identity);
  NATKIT_CHECK(context.has_value());  // LoadCertificate() has tried
  tls_ = *std::move(context);
}

Outcome<StreamService::Listeners> StreamService::OpenMissing(
    const Settings& settings) const {
  Listeners opened;
  const auto is_inherited = [this](const Endpoint& local) {
    return std::ranges::any_of(inherited_, [&](const auto& listener) {
      return listener.first.local_endpoint() == local;
    });
  };
  for (const bool is_tls : {false, true}) {
    for (const Endpoint& local : is_tls ? settings.tls : settings.tcp) {
      if (listeners_.contains({local, is_tls}) || is_inherited(local)) {
        continue;
      }
      auto listener = io::TcpListener::Listen(loop_, local, Accepting(is_tls),
                                              StreamOptionsFor());
      if (!listener) {
        return std::unexpected(
            shell::DescribeListenFailure("TCP", local, listener.error()));
      }
      opened.emplace(std::pair(local, is_tls), *std::move(listener));
    }
  }
  return opened;
}

Outcome<void> StreamService::Inherit(const Settings& settings,
                                     InheritedListener inherited) {
  bool is_tls = inherited.name == "tls";
  // The address is known only once it is adopted, so the flag is shared.
  auto flag = std::make_shared<bool>(is_tls);
  auto listener = io::TcpListener::Adopt(
      loop_, std::move(inherited.fd),
      [this, flag](io::TcpStream tcp) { OnAccept(std::move(tcp), *flag); },
      StreamOptionsFor());
  if (!listener) {
    return std::unexpected("the service manager passed a socket named '" +
                           inherited.name +
                           "' that is not UDP and does not listen on TCP");
  }
  is_tls =
      is_tls || std::ranges::find(settings.tls, listener->local_endpoint()) !=
                    settings.tls.end();
  *flag = is_tls;
  if (is_tls && !tls_) {
    return std::unexpected("the service manager passed the TLS socket " +
                           listener->local_endpoint().ToString() +
                           ", but there is no certificate");
  }
  inherited_.emplace_back(*std::move(listener), is_tls);
  return {};
}

io::TcpListener::AcceptHandler StreamService::Accepting(bool is_tls) const {
  // Handlers run on the loop, where changing this is allowed.
  auto* self = const_cast<StreamService*>(this);
  return [self, is_tls](io::TcpStream tcp) {
    self->OnAccept(std::move(tcp), is_tls);
  };
}

void StreamService::OnAccept(io::TcpStream tcp, bool is_tls) {
  const Endpoint remote = tcp.remote_endpoint();
  const IpPrefix source = SourceOf(remote.address);
  const auto known = per_source_.find(source);
  const size_t open = known == per_source_.end() ? 0 : known->second;
  if (open >= max_per_source_ || (is_tls && !tls_)) {
    ++counters_.refused;
    return;
  }
  per_source_[source] = open + 1;
  ++counters_.accepted;
  if (connections_.size() >= max_connections_) {
    ++counters_.evicted;
    Close(connections_.begin());
  }
  const auto connection = connections_.emplace(
      connections_.end(),
      Connection{
          .local = tcp.local_endpoint(), .remote = remote, .deadline = {}});
  std::optional<tls::Channel> channel;
  if (is_tls) {
    channel = tls::Channel::Server(*tls_);
  }
  connection->stream.emplace(
      loop_, std::move(tcp), std::move(channel),
      shell::SecureStreamHandlers{
          .on_open = [](const shell::PeerInfo& /*peer*/) {},
          .on_bytes = [this, connection](
                          ByteView bytes) { OnBytes(connection, bytes); },
          .on_writable = [] {},
          .on_closed =
              [this, connection](const shell::StreamEnd& /*end*/) {
                Close(connection);
              }});
  Touch(connection);
}

void StreamService::OnBytes(Connections::iterator connection, ByteView bytes) {
  const Instant now = io::EventLoop::Now();
  connection->framer.Push(bytes);
  while (true) {
    const auto message = connection->framer.Next();
    if (message && message->empty()) {
      return;
    }
    std::array<uint8_t, stun::StunServer::kMaxResponseSize> out;
    const size_t size =
        message ? server_->HandleStreamMessage(
                      now, connection->local, connection->remote, *message, out)
                : 0;
    if (size == 0 && message && IsIndication(*message)) {
      Touch(connection);
      continue;
    }
    if (size == 0 || !connection->stream->is_writable()) {
      Close(connection);
      return;
    }
    connection->stream->Write(ByteView(out).first(size));
    Touch(connection);
  }
}

void StreamService::Close(Connections::iterator connection) {
  const auto source = per_source_.find(SourceOf(connection->remote.address));
  if (source != per_source_.end() && --source->second == 0) {
    per_source_.erase(source);
  }
  connections_.erase(connection);
}

void StreamService::Touch(Connections::iterator connection) {
  connection->deadline = io::EventLoop::Now() + idle_timeout_;
  connections_.splice(connections_.end(), connections_, connection);
  if (!timer_.deadline()) {
    timer_.Arm(connections_.front().deadline);
  }
}

void StreamService::OnTimer() {
  const Instant now = io::EventLoop::Now();
  while (!connections_.empty() && connections_.front().deadline <= now) {
    ++counters_.timed_out;
    Close(connections_.begin());
  }
  if (!connections_.empty()) {
    timer_.Arm(connections_.front().deadline);
  }
}

std::vector<StreamService::Bound> StreamService::local_endpoints() const {
  std::vector<Bound> all;
  for (const auto& [key, listener] : listeners_) {
    all.push_back({.local = listener.local_endpoint(), .is_tls = key.second});
  }
  for (const auto& [listener, is_tls] : inherited_) {
    all.push_back({.local = listener.local_endpoint(), .is_tls = is_tls});
  }
  return all;
}

StreamCounters StreamService::counters() const {
  StreamCounters counters = counters_;
  counters.server = retired_;
  if (server_) {
    counters.server += server_->counters();
  }
  counters.open = connections_.size();
  return counters;
}

}  // namespace natkit::stunsrv
