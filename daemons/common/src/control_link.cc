#include "natkit/shell/control_link.h"

#include <charconv>
#include <utility>

#include "natkit/base/endpoint.h"
#include "natkit/shell/files.h"

namespace natkit::shell {

namespace {

constexpr size_t kChunk = size_t{16} * 1024;
constexpr const char* kAlpn = "natkit-coordination/1";

Outcome<uint16_t> ParsePort(std::string_view text) {
  uint16_t port = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0) {
    return std::unexpected("\"" + std::string(text) + "\" is not a port");
  }
  return port;
}

Outcome<tls::ClientContext> MakeTls(const ServerAddress& server) {
  tls::ClientOptions options;
  options.min_version = tls::Version::kTls13;
  options.alpn = {kAlpn};
  if (server.pin.empty()) {
    auto roots = ReadSystemRoots();
    if (!roots) {
      return std::unexpected(roots.error());
    }
    options.roots_pem = std::move(*roots);
  }
  auto context = tls::ClientContext::Make(options);
  if (!context) {
    return std::unexpected("cannot use the system's trusted roots: " +
                           std::string(ErrcName(context.error().code)));
  }
  return std::move(*context);
}

}  // namespace

Outcome<ServerAddress> ParseServerAddress(std::string_view text) {
  constexpr std::string_view kScheme = "https://";
  std::string_view rest = text;
  if (rest.starts_with(kScheme)) {
    rest.remove_prefix(kScheme.size());
  } else if (rest.find("://") != std::string_view::npos) {
    return std::unexpected("a server is named by https://HOST[:PORT], not \"" +
                           std::string(text) + "\"");
  }
  while (rest.ends_with('/')) {
    rest.remove_suffix(1);
  }
  ServerAddress server;
  const auto literal = IpAddress::Parse(rest);
  const bool is_bare_ipv6 = literal && literal->is_v6();
  const size_t colon = is_bare_ipv6 ? std::string_view::npos : rest.rfind(':');
  const bool is_port = colon != std::string_view::npos &&
                       rest.find(']', colon) == std::string_view::npos;
  std::string_view host = is_port ? rest.substr(0, colon) : rest;
  if (is_port) {
    const auto port = ParsePort(rest.substr(colon + 1));
    if (!port) {
      return std::unexpected(port.error());
    }
    server.port = *port;
  }
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  }
  if (host.empty() || host.find_first_of("/ @[]") != std::string_view::npos) {
    return std::unexpected("\"" + std::string(text) +
                           "\" names no server; expected HOST[:PORT]");
  }
  server.host = std::string(host);
  return server;
}

Outcome<std::unique_ptr<ControlLink>> ControlLink::Make(
    io::EventLoop& loop, ServerAddress server, mesh::ControlClientConfig config,
    Rng& rng, EventHandler on_event) {
  if (!server.pin.empty() && !tls::CertificatePin::Parse(server.pin)) {
    return std::unexpected("\"" + server.pin +
                           "\" is no pin; expected sha256-raw:<64 hex digits>");
  }
  auto tls = MakeTls(server);
  if (!tls) {
    return std::unexpected(tls.error());
  }
  return std::unique_ptr<ControlLink>(
      new ControlLink(loop, std::move(server), std::move(*tls),
                      std::move(config), rng, std::move(on_event)));
}

ControlLink::ControlLink(io::EventLoop& loop, ServerAddress server,
                         tls::ClientContext tls,
                         mesh::ControlClientConfig config, Rng& rng,
                         EventHandler on_event)
    : loop_(loop),
      server_(std::move(server)),
      tls_(std::move(tls)),
      client_(std::move(config), rng),
      on_event_(std::move(on_event)),
      timer_(loop,
             [this] {
               client_.HandleTimeout(io::EventLoop::Now());
               Pump();
             }),
      buffer_(kChunk) {}

void ControlLink::Start() {
  client_.Start(io::EventLoop::Now());
  Pump();
}

void ControlLink::Pump() {
  if (is_pumping_) {
    needs_pump_ = true;
    return;
  }
  is_pumping_ = true;
  do {
    needs_pump_ = false;
    // Events first: an update is acknowledged by bytes that follow, and then
    // it must be in force.
    while (auto event = client_.PollEvent()) {
      on_event_(std::move(*event));
    }
    Write();
    while (const auto command = client_.PollCommand()) {
      stream_.reset();
      if (std::holds_alternative<mesh::ControlConnect>(*command)) {
        Connect();
      }
    }
  } while (needs_pump_);
  is_pumping_ = false;
  timer_.Arm(client_.NextTimeout());
}

void ControlLink::Write() {
  while (stream_ && stream_->is_writable()) {
    const size_t size = client_.PollBytes(buffer_);
    if (size == 0) {
      return;
    }
    stream_->Write(ByteView(buffer_).first(size));
  }
}

void ControlLink::Connect() {
  StreamClientOptions options;
  options.tcp.fwmark = server_.fwmark;
  stream_ = std::make_unique<StreamClient>(
      loop_, tls_,
      StreamTarget{.host = server_.host,
                   .port = server_.port,
                   .certificate_name = server_.pin},
      SecureStreamHandlers{
          .on_open = [this](const PeerInfo& peer) { HandleOpen(peer); },
          .on_bytes =
              [this](ByteView bytes) {
                client_.HandleBytes(io::EventLoop::Now(), bytes);
                Pump();
              },
          .on_writable = [this] { Pump(); },
          .on_closed = [this](const StreamEnd& end) { HandleClosed(end); }},
      options);
}

void ControlLink::HandleOpen(const PeerInfo& peer) {
  last_error_.clear();
  last_code_ = Errc::kClosed;
  if (peer.coordination_exporter) {
    client_.HandleOpen(io::EventLoop::Now(), *peer.coordination_exporter);
  }
  Pump();
}

void ControlLink::HandleClosed(const StreamEnd& end) {
  last_error_ = end.ToString();
  last_code_ = end.code;
  client_.HandleClosed(io::EventLoop::Now(), last_error_);
  Pump();
}

}  // namespace natkit::shell
