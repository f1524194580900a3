#include "metrics_server.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>
#include <utility>

#include "natkit/shell/stream_server.h"

namespace natkit::stunsrv {

namespace {

constexpr size_t kMaxConnections = 16;
constexpr size_t kMaxRequestSize = 8192;
constexpr Duration kTimeout = std::chrono::seconds(10);

std::string Response(std::string_view status, std::string_view type,
                     std::string_view body) {
  std::string text = "HTTP/1.1 ";
  text += status;
  text += "\r\nContent-Type: ";
  text += type;
  text += "\r\nContent-Length: " + std::to_string(body.size()) +
          "\r\nConnection: close\r\n\r\n";
  text += body;
  return text;
}

bool IsForMetrics(std::string_view request) {
  return std::ranges::any_of(
      std::array{"GET /metrics ", "GET /metrics?", "HEAD /metrics ",
                 "HEAD /metrics?"},
      [&](const char* start) { return request.starts_with(start); });
}

}  // namespace

struct MetricsServer::Connection {
  io::TcpStream stream;
  std::string request;
  std::optional<io::Timer> timer;
  bool is_answered = false;
};

MetricsServer::MetricsServer(io::EventLoop& loop,
                             std::function<std::string()> content)
    : loop_(loop), content_(std::move(content)) {}

MetricsServer::~MetricsServer() = default;

shell::Outcome<void> MetricsServer::Listen(
    const std::optional<Endpoint>& local) {
  if (local == wanted_) {
    return {};
  }
  if (!local) {
    wanted_.reset();
    listener_.reset();
    return {};
  }
  auto listener = io::TcpListener::Listen(
      loop_, *local, [this](io::TcpStream tcp) { OnAccept(std::move(tcp)); },
      {.linger = std::chrono::seconds(1)});
  if (!listener) {
    return std::unexpected(
        shell::DescribeListenFailure("TCP", *local, listener.error()));
  }
  wanted_ = local;
  listener_.emplace(*std::move(listener));
  return {};
}

std::optional<Endpoint> MetricsServer::local_endpoint() const {
  return listener_ ? std::optional(listener_->local_endpoint()) : std::nullopt;
}

void MetricsServer::OnAccept(io::TcpStream tcp) {
  if (connections_.size() >= kMaxConnections) {
    connections_.pop_front();  // the oldest is the idlest
  }
  const auto connection = connections_.emplace(
      connections_.end(),
      Connection{.stream = std::move(tcp), .request = {}, .timer = {}});
  connection->timer.emplace(
      loop_, [this, connection] { connections_.erase(connection); });
  connection->timer->Arm(io::EventLoop::Now() + kTimeout);
  connection->stream.SetHandlers(
      {.on_connected = {},
       .on_data = [this,
                   connection](ByteView bytes) { OnData(connection, bytes); },
       .on_drained = {},
       .on_closed = [this, connection](
                        Errc /*reason*/) { connections_.erase(connection); }});
}

void MetricsServer::OnData(Connections::iterator connection, ByteView bytes) {
  std::string& request = connection->request;
  request += AsText(bytes);
  if (connection->is_answered) {
    return;
  }
  const bool is_whole = request.contains("\r\n\r\n");
  if (!is_whole && request.size() <= kMaxRequestSize) {
    return;
  }
  connection->is_answered = true;
  std::string response;
  if (!is_whole) {
    response = Response("431 Request Header Fields Too Large", "text/plain",
                        "too long\n");
  } else if (IsForMetrics(request)) {
    response = Response("200 OK", "text/plain; version=0.0.4; charset=utf-8",
                        content_());
  } else {
    response = Response("404 Not Found", "text/plain", "see /metrics\n");
  }
  if (request.starts_with("HEAD ")) {
    response.resize(response.find("\r\n\r\n") + 4);
  }
  connection->stream.Write(AsBytes(response));
  connection->stream.Close();
}

}  // namespace natkit::stunsrv
