#include "api/server.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "coord_server.h"

namespace natkit::coordd {

namespace {

constexpr size_t kMaxConnections = 64;
/// What a client may send before its last request is answered.
constexpr size_t kMaxAhead = size_t{64} * 1024;
constexpr Duration kRequestBudget = std::chrono::seconds(15);
constexpr Duration kLargeRequestBudget = std::chrono::seconds(60);
constexpr Duration kIdleBudget = std::chrono::seconds(60);
/// For an answer to be taken.
constexpr Duration kAnswerBudget = std::chrono::seconds(60);

io::StreamOptions TcpOptions() {
  return {.linger = std::chrono::seconds(2),
          .user_timeout = std::chrono::seconds(30)};
}

std::string_view TextOf(HttpFault fault) {
  switch (fault) {
    case HttpFault::kBadRequest:
      return "this is not an HTTP/1.1 request";
    case HttpFault::kTooLarge:
      return "the body is too large";
    case HttpFault::kHeadTooLarge:
      return "the head is too large";
    case HttpFault::kNotImplemented:
      return "say Content-Length; transfer codings are not taken";
  }
  return "";
}

}  // namespace

/// One client's connection: arriving, then at work, then answering, and again.
class ApiServer::Connection {
 public:
  Connection(ApiServer& server, Id id, shell::StreamServer::Accepted accepted)
      : server_(server),
        id_(id),
        reader_([this](const derp::HttpRequest& head) {
          return server_.service_.BodyLimit(head, Now());
        }),
        timer_(server.loop_, [this] { OnTimeout(); }),
        stream_(server.loop_, std::move(accepted.tcp),
                std::move(accepted.channel), Handlers()) {
    timer_.Arm(io::EventLoop::Now() + kRequestBudget);
  }

  /// Sends the response if there is one.
  void Release() {
    if (!response_) {
      return;
    }
    Answer(*std::exchange(response_, std::nullopt));
    Continue();
  }

  [[nodiscard]] bool is_proven() const { return is_proven_; }

  [[nodiscard]] bool is_busy() const { return is_busy_; }

 private:
  shell::SecureStreamHandlers Handlers() {
    return {.on_open =
                [this](const shell::PeerInfo& peer) {
                  source_ = peer.remote.address;
                },
            .on_bytes = [this](ByteView bytes) { TakeBytes(bytes); },
            .on_writable = [this] { Continue(); },
            .on_closed =
                [this](const shell::StreamEnd&) {
                  server_.connections_.erase(id_);
                }};
  }

  void TakeBytes(ByteView bytes) {
    if (is_closing_) {
      return;
    }
    ahead_.insert(ahead_.end(), bytes.begin(), bytes.end());
    Continue();
    if (ahead_.size() > kMaxAhead) {
      ++server_.dropped_;
      is_closing_ = true;
      stream_.Abort();
    }
  }

  /// Serves what has come, unless a request is under way.
  void Continue() {
    if (is_busy_ || is_closing_ || !stream_.is_writable() || ahead_.empty()) {
      return;
    }
    const bool was_idle = reader_.is_idle();
    const std::vector<uint8_t> bytes = std::exchange(ahead_, {});
    ByteView rest(bytes);
    auto request = reader_.Next(rest);
    ahead_.assign(rest.begin(), rest.end());
    if (!request) {
      Refuse(static_cast<int>(request.error()), TextOf(request.error()));
      return;
    }
    if (*request) {
      Serve(**request);
      return;
    }
    if (was_idle) {
      timer_.Arm(io::EventLoop::Now() + kRequestBudget);
    }
    if (reader_.TakeContinue()) {
      timer_.Arm(io::EventLoop::Now() + kLargeRequestBudget);
      stream_.Write(AsBytes("HTTP/1.1 100 Continue\r\n\r\n"));
    }
  }

  void Serve(const WholeRequest& request) {
    is_busy_ = true;
    keeps_alive_ = request.head.keeps_alive();
    method_ = request.head.method;
    timer_.Disarm();
    const mesh::ServerTime time = Now();
    is_proven_ = server_.service_.IsAuthorized(request.head, time);
    // The connection may be gone when the response comes, the server not.
    server_.service_.Handle(
        request, source_, time,
        [server = &server_, id = id_](derp::HttpResponse response) {
          const auto found = server->connections_.find(id);
          if (found != server->connections_.end()) {
            found->second->response_ = std::move(response);
          }
          server->wake_();
        });
  }

  void Answer(derp::HttpResponse response) {
    is_busy_ = false;
    if (!keeps_alive_ || !is_proven_) {
      is_closing_ = true;
      response.headers.Add("Connection", "close");
    }
    stream_.Write(AsBytes(derp::SerializeResponse(response, method_)));
    timer_.Arm(io::EventLoop::Now() + kIdleBudget);
    if (is_closing_) {
      timer_.Arm(io::EventLoop::Now() + kAnswerBudget);
      stream_.Close();
    }
  }

  void Refuse(int status, std::string_view text) {
    keeps_alive_ = false;
    Answer(ErrorResponse(status, text));
  }

  void OnTimeout() {
    if (reader_.is_idle() || is_closing_) {
      ++server_.dropped_;
      stream_.Abort();
      return;
    }
    Refuse(408, "the request did not arrive in time");
  }

  ApiServer& server_;
  const Id id_;
  IpAddress source_;
  HttpRequestReader reader_;
  std::vector<uint8_t> ahead_;
  std::string method_ = "GET";
  std::optional<derp::HttpResponse> response_;
  bool keeps_alive_ = true;
  bool is_busy_ = false;
  bool is_closing_ = false;
  bool is_proven_ = false;
  io::Timer timer_;
  shell::SecureStream stream_;
};

ApiServer::ApiServer(io::EventLoop& loop, const tls::ServerContext& tls,
                     ApiService& service, Wake wake)
    : loop_(loop),
      service_(service),
      wake_(std::move(wake)),
      server_(loop, &tls, TcpOptions(),
              [this](shell::StreamServer::Accepted accepted) {
                OnAccept(std::move(accepted));
              }) {}

ApiServer::~ApiServer() = default;

shell::Outcome<void> ApiServer::Listen(const Endpoint& local) {
  return server_.Listen(local);
}

bool ApiServer::MakeRoom() {
  if (connections_.size() < kMaxConnections) {
    return true;
  }
  const auto drop_first = [this](auto is_in_the_way) {
    const auto found =
        std::ranges::find_if(connections_, [&](const auto& entry) {
          return !entry.second->is_busy() && is_in_the_way(*entry.second);
        });
    if (found == connections_.end()) {
      return false;
    }
    connections_.erase(found);
    return true;
  };
  return drop_first([](const Connection& c) { return !c.is_proven(); }) ||
         drop_first([](const Connection&) { return true; });
}

void ApiServer::OnAccept(shell::StreamServer::Accepted accepted) {
  if (connections_.size() >= kMaxConnections) {
    ++dropped_;
  }
  if (!MakeRoom()) {
    return;  // dropping it closes it
  }
  const Id id = ++last_id_;
  connections_.emplace(
      id, std::make_unique<Connection>(*this, id, std::move(accepted)));
}

void ApiServer::Release() {
  for (auto at = connections_.begin(); at != connections_.end();) {
    // A release may begin a request, but it ends no connection at once.
    const auto current = at++;
    current->second->Release();
  }
}

void ApiServer::Stop() {
  server_.Stop();
  connections_.clear();
}

}  // namespace natkit::coordd
