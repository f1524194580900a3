#pragma once

#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/log.h"
#include "natkit/base/result.h"
#include "natkit/base/rng.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/tcp.h"
#include "natkit/io/timer.h"
#include "natkit/io/udp_socket.h"
#include "natkit/mesh/dns/dns_config.h"
#include "natkit/mesh/dns/dns_server.h"
#include "natkit/mesh/dns/dns_stream.h"
#include "natkit/shell/outcome.h"

namespace natkit::meshnode {

struct DnsServiceOptions {
  /// Where clients ask, by UDP and TCP: the node's addresses, port 53.
  std::vector<Endpoint> listen;
  /// SO_MARK of the sockets to resolvers; 0: none.
  uint32_t fwmark = 0;
};

/// Runs a dns::DnsServer on real sockets: UDP and TCP for the clients, a fresh
/// UDP port or TCP connection for each question to a resolver.
class DnsService {
 public:
  /// `loop` and `rng` must outlive it.
  DnsService(io::EventLoop& loop, Rng& rng, LogSink log);
  ~DnsService();
  DnsService(const DnsService&) = delete;
  DnsService& operator=(const DnsService&) = delete;

  /// Listens and begins to answer. `config.own` becomes the bound addresses.
  /// The error is for the operator; nothing is bound then.
  [[nodiscard]] shell::Outcome<void> Start(const DnsServiceOptions& options,
                                           dns::DnsConfig config);
  /// Replaces the configuration while it runs. Errors: those of
  /// dns::CheckDnsConfig(), and nothing has changed.
  [[nodiscard]] Result<void> SetConfig(dns::DnsConfig config);
  /// As dns::DnsServer has them.
  [[nodiscard]] Result<void> SetResolvers(
      const std::vector<Endpoint>& resolvers);
  [[nodiscard]] Result<void> SetHost(const dns::DnsHost& host);
  bool RemoveHost(std::string_view name);
  [[nodiscard]] dns::DnsRoute Explain(const dns::Question& question) const;

  /// The addresses where it listens, with their actual ports.
  [[nodiscard]] std::vector<Endpoint> local_endpoints() const;
  [[nodiscard]] const dns::DnsCounters& counters() const;

 private:
  struct Client;
  struct Exchange;
  using Clients = std::list<Client>;

  [[nodiscard]] shell::Outcome<void> Listen(const Endpoint& local);
  void OnDatagrams(const PacketBatch& batch);
  void OnAccept(io::TcpStream tcp);
  void OnClientBytes(dns::StreamId id, ByteView bytes);
  void CloseClient(dns::StreamId id);
  void Touch(Clients::iterator client);
  void OnIdleTimer();

  void Pump();
  void Send(const dns::ClientDatagram& out);
  void Send(const dns::ClientStreamBytes& out);
  void Send(const dns::UpstreamDatagram& out);
  void Send(const dns::UpstreamStreamBytes& out);
  void Note(const dns::ExchangeEnded& event);
  void Note(const dns::ResolverChanged& event);
  void OnUpstreamDatagrams(dns::ExchangeId id, const PacketBatch& batch);
  void OnUpstreamBytes(dns::ExchangeId id, ByteView bytes);
  void FailExchange(dns::ExchangeId id);

  io::EventLoop& loop_;
  LogSink log_;
  uint32_t fwmark_ = 0;
  dns::DnsServer server_;
  std::vector<io::UdpSocket> udp_;
  std::vector<io::TcpListener> tcp_;
  Clients clients_;  // the longest idle first
  std::map<dns::StreamId, Clients::iterator> by_id_;
  uint64_t last_stream_ = 0;
  std::map<dns::ExchangeId, std::unique_ptr<Exchange>> exchanges_;
  io::Timer timer_;
  io::Timer idle_timer_;
};

}  // namespace natkit::meshnode
