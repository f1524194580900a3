#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "inherited_sockets.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/rng.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/tcp.h"
#include "natkit/io/timer.h"
#include "natkit/nat/stun_server.h"
#include "natkit/shell/outcome.h"
#include "natkit/shell/secure_stream.h"
#include "natkit/tls/context.h"
#include "settings.h"

namespace natkit::stunsrv {

/// Whether certificate and key, if any, can be read and belong together.
[[nodiscard]] shell::Outcome<void> CheckFiles(const Settings& settings);

struct StreamCounters {
  stun::ServerCounters server;
  uint64_t accepted = 0;
  uint64_t refused = 0;  ///< at once: too many of one source
  uint64_t evicted = 0;  ///< the longest idle, when there were too many
  uint64_t timed_out = 0;
  size_t open = 0;
};

/// STUN over TCP and TLS (RFC 8489 section 6.2.2): any number of requests on a
/// connection, which ends after `idle_timeout` without one, or with the first
/// message that gets no answer. The number of connections is bounded.
class StreamService {
 public:
  StreamService(io::EventLoop& loop, Rng& rng);
  StreamService(const StreamService&) = delete;
  StreamService& operator=(const StreamService&) = delete;
  ~StreamService();

  /// Listens where `settings` say, less what was inherited. An inherited
  /// listener is TLS if its address is one of listen_tls or its name is "tls".
  [[nodiscard]] shell::Outcome<void> Start(const Settings& settings,
                                           InheritedSockets& inherited);
  /// Reads the certificate of `settings`, for UseCertificate(); nullopt: there
  /// is none.
  [[nodiscard]] static shell::Outcome<std::optional<tls::Identity>>
  LoadCertificate(const Settings& settings);
  /// For connections from now on. It must be usable, as LoadCertificate() says.
  void UseCertificate(const std::optional<tls::Identity>& identity);
  /// Changes to other settings. Listeners in both, and connections, go on. On
  /// error nothing has changed.
  [[nodiscard]] shell::Outcome<void> Reload(const Settings& settings);

  struct Bound {
    Endpoint local;
    bool is_tls = false;
  };

  [[nodiscard]] std::vector<Bound> local_endpoints() const;
  [[nodiscard]] StreamCounters counters() const;

 private:
  struct Connection;
  using Connections = std::list<Connection>;

  /// By the address in the settings.
  using Listeners = std::map<std::pair<Endpoint, bool>, io::TcpListener>;

  [[nodiscard]] shell::Outcome<Listeners> OpenMissing(
      const Settings& settings) const;
  [[nodiscard]] shell::Outcome<void> Inherit(const Settings& settings,
                                             InheritedListener listener);
  [[nodiscard]] io::TcpListener::AcceptHandler Accepting(bool is_tls) const;
  void Apply(const Settings& settings);
  void OnAccept(io::TcpStream tcp, bool is_tls);
  void OnBytes(Connections::iterator connection, ByteView bytes);
  void Close(Connections::iterator connection);
  void Touch(Connections::iterator connection);
  void OnTimer();

  io::EventLoop& loop_;
  Rng& rng_;
  size_t max_connections_ = 0;
  size_t max_per_source_ = 0;
  Duration idle_timeout_{};
  std::optional<tls::ServerContext> tls_;
  std::optional<stun::StunServer> server_;
  stun::ServerCounters retired_;
  StreamCounters counters_;
  Listeners listeners_;
  std::vector<std::pair<io::TcpListener, bool>> inherited_;
  Connections connections_;                // the longest idle first
  std::map<IpPrefix, size_t> per_source_;  // IPv4 address or IPv6 /64
  io::Timer timer_;
};

}  // namespace natkit::stunsrv
