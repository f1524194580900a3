#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "natkit/base/rng.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/timer.h"
#include "natkit/mesh/control/control_client.h"
#include "natkit/shell/outcome.h"
#include "natkit/shell/stream_client.h"
#include "natkit/tls/context.h"

namespace natkit::shell {

/// Where a coordination server is and how it is known to be the one.
struct ServerAddress {
  std::string host;
  uint16_t port = 443;
  /// "sha256-raw:<64 hex>" or empty: the system's trusted roots.
  std::string pin;
  uint32_t fwmark = 0;  ///< of the stream to it (SO_MARK); 0: none
};

/// "coord.example.com", "https://coord.example.com:8443", "192.0.2.7:8443",
/// "[2001:db8::7]:8443". The error is for the user.
[[nodiscard]] Outcome<ServerAddress> ParseServerAddress(std::string_view text);

/// Binds a ControlClient to TLS and time. Moves bytes and decides nothing.
class ControlLink {
 public:
  /// Called for each event, never inside a call into this; what the handler
  /// does to client() goes out afterwards.
  using EventHandler = std::function<void(mesh::ControlEvent event)>;

  /// The error says what is wrong with the system's trusted roots or the pin.
  [[nodiscard]] static Outcome<std::unique_ptr<ControlLink>> Make(
      io::EventLoop& loop, ServerAddress server,
      mesh::ControlClientConfig config, Rng& rng, EventHandler on_event);

  void Start();
  /// After any call to client().
  void Pump();

  mesh::ControlClient& client() { return client_; }

  /// Why there is no stream, for people; empty: there is one.
  [[nodiscard]] const std::string& last_error() const { return last_error_; }

  /// The code of the last stream's end: kBadCertificate where the server is
  /// not known to be the one.
  [[nodiscard]] Errc last_code() const { return last_code_; }

 private:
  ControlLink(io::EventLoop& loop, ServerAddress server, tls::ClientContext tls,
              mesh::ControlClientConfig config, Rng& rng,
              EventHandler on_event);
  void Connect();
  void HandleOpen(const PeerInfo& peer);
  void HandleClosed(const StreamEnd& end);
  void Write();

  io::EventLoop& loop_;
  ServerAddress server_;
  tls::ClientContext tls_;
  mesh::ControlClient client_;
  EventHandler on_event_;
  io::Timer timer_;
  std::unique_ptr<StreamClient> stream_;
  std::vector<uint8_t> buffer_;
  std::string last_error_;
  Errc last_code_ = Errc::kClosed;
  bool is_pumping_ = false;
  bool needs_pump_ = false;
};

}  // namespace natkit::shell
