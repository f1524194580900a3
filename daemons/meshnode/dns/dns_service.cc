#include "dns/dns_service.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <variant>

#include "natkit/shell/stream_server.h"

namespace natkit::meshnode {
namespace {

using shell::Outcome;

constexpr size_t kMaxClients = 64;
/// Answers that a client leaves unread before it is dropped.
constexpr size_t kMaxUnread = size_t{256} * 1024;
/// RFC 7766 section 6.2.3: in the order of seconds.
constexpr Duration kIdle = std::chrono::seconds(10);
constexpr Duration kConnectTimeout = std::chrono::seconds(3);

io::StreamOptions StreamOptions(uint32_t fwmark) {
  return {.connect_timeout = kConnectTimeout,
          .linger = std::chrono::seconds(1),
          .fwmark = fwmark};
}

/// The wildcard of `to`'s family, any port.
Endpoint AnyPort(const Endpoint& to) {
  return {to.address.is_v4() ? IpAddress() : IpAddress::V6({}), 0};
}

}  // namespace

struct DnsService::Client {
  dns::StreamId id{};
  Endpoint from;
  Instant deadline;
  dns::StreamFramer framer{dns::DnsServer::kMaxQuerySize};
  std::optional<io::TcpStream> stream{};
};

struct DnsService::Exchange {
  std::optional<io::UdpSocket> udp;
  std::optional<io::TcpStream> tcp;
  dns::StreamFramer framer{};
};

DnsService::DnsService(io::EventLoop& loop, Rng& rng, LogSink log)
    : loop_(loop),
      log_(std::move(log)),
      server_(rng),
      timer_(loop,
             [this] {
               server_.HandleTimeout(io::EventLoop::Now());
               Pump();
             }),
      idle_timer_(loop, [this] { OnIdleTimer(); }) {}

DnsService::~DnsService() = default;

Outcome<void> DnsService::Start(const DnsServiceOptions& options,
                                dns::DnsConfig config) {
  fwmark_ = options.fwmark;
  for (const Endpoint& local : options.listen) {
    if (auto listening = Listen(local); !listening) {
      udp_.clear();
      tcp_.clear();
      return listening;
    }
  }
  if (const auto set = SetConfig(std::move(config)); !set) {
    udp_.clear();
    tcp_.clear();
    return std::unexpected("the DNS configuration is not usable: " +
                           std::string(ErrcName(set.error().code)));
  }
  return {};
}

Outcome<void> DnsService::Listen(const Endpoint& local) {
  auto udp = io::UdpSocket::Bind(loop_, local);
  if (!udp) {
    return std::unexpected(
        shell::DescribeListenFailure("UDP", local, udp.error()));
  }
  const Endpoint bound = udp->local_endpoint();
  auto tcp = io::TcpListener::Listen(
      loop_, bound,
      [this](io::TcpStream stream) { OnAccept(std::move(stream)); },
      StreamOptions(0));
  if (!tcp) {
    return std::unexpected(
        shell::DescribeListenFailure("TCP", bound, tcp.error()));
  }
  udp->SetReceiveHandler([this](PacketBatch& batch) { OnDatagrams(batch); });
  udp_.push_back(*std::move(udp));
  tcp_.push_back(*std::move(tcp));
  return {};
}

Result<void> DnsService::SetConfig(dns::DnsConfig config) {
  config.own = local_endpoints();
  return server_.SetConfig(config);
}

Result<void> DnsService::SetResolvers(const std::vector<Endpoint>& resolvers) {
  return server_.SetResolvers(resolvers);
}

Result<void> DnsService::SetHost(const dns::DnsHost& host) {
  return server_.SetHost(host);
}

bool DnsService::RemoveHost(std::string_view name) {
  return server_.RemoveHost(name);
}

dns::DnsRoute DnsService::Explain(const dns::Question& question) const {
  return server_.Explain(io::EventLoop::Now(), question);
}

std::vector<Endpoint> DnsService::local_endpoints() const {
  std::vector<Endpoint> all;
  for (const io::UdpSocket& socket : udp_) {
    all.push_back(socket.local_endpoint());
  }
  return all;
}

const dns::DnsCounters& DnsService::counters() const {
  return server_.counters();
}

void DnsService::OnDatagrams(const PacketBatch& batch) {
  const Instant now = io::EventLoop::Now();
  for (size_t i = 0; i < batch.size(); ++i) {
    server_.HandleDatagram(now, batch.meta(i).local, batch.meta(i).remote,
                           batch.bytes(i));
  }
  Pump();
}

void DnsService::OnAccept(io::TcpStream tcp) {
  if (clients_.size() >= kMaxClients) {
    CloseClient(clients_.front().id);
  }
  const dns::StreamId id{++last_stream_};
  const auto client = clients_.emplace(
      clients_.end(),
      Client{.id = id, .from = tcp.remote_endpoint(), .deadline = {}});
  by_id_.emplace(id, client);
  client->stream.emplace(std::move(tcp));
  client->stream->SetHandlers(
      {.on_connected = {},
       .on_data = [this, id](ByteView bytes) { OnClientBytes(id, bytes); },
       .on_drained = {},
       .on_closed = [this, id](Errc /*reason*/) { CloseClient(id); }});
  Touch(client);
}

void DnsService::OnClientBytes(dns::StreamId id, ByteView bytes) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) {
    return;
  }
  const auto client = found->second;
  client->framer.Push(bytes);
  while (true) {
    const auto message = client->framer.Next();
    if (!message) {
      CloseClient(id);  // no question is as long
      return;
    }
    if (!*message) {
      break;
    }
    server_.HandleStreamMessage(io::EventLoop::Now(), id, client->from,
                                **message);
    Touch(client);
  }
  Pump();
}

void DnsService::CloseClient(dns::StreamId id) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) {
    return;
  }
  const auto client = found->second;
  by_id_.erase(found);
  clients_.erase(client);
  server_.HandleStreamClosed(id);
  Pump();
}

void DnsService::Touch(Clients::iterator client) {
  client->deadline = io::EventLoop::Now() + kIdle;
  clients_.splice(clients_.end(), clients_, client);
  if (!idle_timer_.deadline()) {
    idle_timer_.Arm(clients_.front().deadline);
  }
}

void DnsService::OnIdleTimer() {
  const Instant now = io::EventLoop::Now();
  while (!clients_.empty() && clients_.front().deadline <= now) {
    CloseClient(clients_.front().id);
  }
  if (!clients_.empty()) {
    idle_timer_.Arm(clients_.front().deadline);
  }
}

void DnsService::Pump() {
  while (const auto transmit = server_.PollTransmit()) {
    std::visit([this](const auto& out) { Send(out); }, *transmit);
  }
  while (const auto event = server_.PollEvent()) {
    std::visit([this](const auto& what) { Note(what); }, *event);
  }
  timer_.Arm(server_.NextTimeout());
}

void DnsService::Send(const dns::ClientDatagram& out) {
  for (io::UdpSocket& socket : udp_) {
    if (socket.local_endpoint() == out.local) {
      socket.SendTo(out.to, out.payload);
      return;
    }
  }
}

void DnsService::Send(const dns::ClientStreamBytes& out) {
  const auto found = by_id_.find(out.stream);
  if (found == by_id_.end()) {
    return;
  }
  io::TcpStream& stream = *found->second->stream;
  if (stream.pending_bytes() > kMaxUnread) {
    stream.Abort();
    return;
  }
  stream.Write(out.bytes);
}

void DnsService::Send(const dns::UpstreamDatagram& out) {
  auto socket = io::UdpSocket::Bind(
      loop_, AnyPort(out.to), {.fwmark = fwmark_, .reports_icmp_errors = true});
  if (!socket) {
    FailExchange(out.exchange);
    return;
  }
  auto& exchange = exchanges_[out.exchange];
  exchange = std::make_unique<Exchange>();
  exchange->udp.emplace(*std::move(socket));
  exchange->udp->SetReceiveHandler(
      [this, id = out.exchange](PacketBatch& batch) {
        OnUpstreamDatagrams(id, batch);
      });
  exchange->udp->SetIcmpHandler(
      [this, id = out.exchange](const io::IcmpError& /*error*/) {
        FailExchange(id);
        Pump();
      });
  exchange->udp->SendTo(out.to, out.payload);
  if (exchange->udp->counters().send_errors != 0) {
    FailExchange(out.exchange);  // no route, for one
  }
}

void DnsService::Send(const dns::UpstreamStreamBytes& out) {
  auto& exchange = exchanges_[out.exchange];
  exchange = std::make_unique<Exchange>();
  const dns::ExchangeId id = out.exchange;
  exchange->tcp.emplace(io::TcpStream::Connect(
      loop_, out.to,
      {.on_connected = [] {},
       .on_data = [this, id](ByteView bytes) { OnUpstreamBytes(id, bytes); },
       .on_drained = {},
       .on_closed =
           [this, id](Errc /*reason*/) {
             FailExchange(id);
             Pump();
           }},
      StreamOptions(fwmark_)));
  exchange->tcp->Write(out.bytes);
}

void DnsService::Note(const dns::ExchangeEnded& event) {
  exchanges_.erase(event.exchange);
}

void DnsService::Note(const dns::ResolverChanged& event) {
  log_(event.is_answering ? LogLevel::kInfo : LogLevel::kWarning,
       "dns: resolver " + event.resolver.ToString() +
           (event.is_answering ? " answers again" : " does not answer"));
}

void DnsService::OnUpstreamDatagrams(dns::ExchangeId id,
                                     const PacketBatch& batch) {
  const Instant now = io::EventLoop::Now();
  for (size_t i = 0; i < batch.size(); ++i) {
    server_.HandleUpstreamDatagram(now, id, batch.meta(i).remote,
                                   batch.bytes(i));
  }
  Pump();  // it may end the socket that owns the batch
}

void DnsService::OnUpstreamBytes(dns::ExchangeId id, ByteView bytes) {
  const auto found = exchanges_.find(id);
  if (found == exchanges_.end()) {
    return;
  }
  found->second->framer.Push(bytes);
  const auto message = found->second->framer.Next();
  if (message && *message) {
    server_.HandleUpstreamMessage(io::EventLoop::Now(), id, **message);
    Pump();
  }
}

void DnsService::FailExchange(dns::ExchangeId id) {
  server_.HandleUpstreamFailed(io::EventLoop::Now(), id);
}

}  // namespace natkit::meshnode
