// libnat's Binding client as a program.
//
// usage: stun_probe udp|tcp|tls|rfc3489 IP:PORT [USER PASSWORD [short-term]]
//
// Writes one line: "success MAPPED verified|open", "error CODE" or the name of
// another outcome. Certificates are not checked.

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "natkit/base/rng.h"
#include "natkit/nat/stun_binding_client.h"
#include "natkit/nat/stun_stream_binding_client.h"
#include "natkit/tls/channel.h"

namespace natkit::stun {
namespace {

Instant Now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return Instant(std::chrono::seconds(now.tv_sec) +
                 std::chrono::nanoseconds(now.tv_nsec));
}

/// A socket that is connected to the server.
class Socket {
 public:
  Socket(const Endpoint& server, int type)
      : fd_(socket(server.address.is_v4() ? AF_INET : AF_INET6,
                   type | SOCK_CLOEXEC, 0)) {
    const ByteView bytes = server.address.bytes();
    if (server.address.is_v4()) {
      sockaddr_in v4{};
      v4.sin_family = AF_INET;
      v4.sin_port = htons(server.port);
      std::memcpy(&v4.sin_addr, bytes.data(), bytes.size());
      Connect(&v4, sizeof(v4));
    } else {
      sockaddr_in6 v6{};
      v6.sin6_family = AF_INET6;
      v6.sin6_port = htons(server.port);
      std::memcpy(&v6.sin6_addr, bytes.data(), bytes.size());
      Connect(&v6, sizeof(v6));
    }
  }

  ~Socket() { close(fd_); }

  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  [[nodiscard]] bool is_connected() const { return is_connected_; }

  [[nodiscard]] bool WaitReadable(std::optional<Instant> until) const {
    const Duration wait =
        until ? std::max(*until - Now(), Duration::zero()) : Duration::zero();
    pollfd entry{fd_, POLLIN, 0};
    const auto time = std::chrono::ceil<std::chrono::milliseconds>(wait);
    return poll(&entry, 1, static_cast<int>(time.count())) > 0;
  }

  /// nullopt: an error, or the end of a stream.
  [[nodiscard]] std::optional<ByteView> Receive() {
    const ssize_t size = recv(fd_, buffer_.data(), buffer_.size(), 0);
    if (size < 0) {
      return std::nullopt;
    }
    return ByteView(buffer_).first(static_cast<size_t>(size));
  }

  void Send(ByteView bytes) const {
    (void)send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }

 private:
  template <class Address>
  void Connect(const Address* address, socklen_t size) {
    is_connected_ =
        connect(fd_, reinterpret_cast<const sockaddr*>(address), size) == 0;
  }

  int fd_;
  bool is_connected_ = false;
  std::array<uint8_t, 65536> buffer_{};
};

std::optional<BindingEvent> AskOverUdp(const Endpoint& server,
                                       BindingConfig config) {
  SystemRng rng;
  Socket socket(server, SOCK_DGRAM);
  BindingClient client(server, rng, std::move(config));
  client.Start(Now());
  while (true) {
    while (const auto transmit = client.PollTransmit()) {
      socket.Send(transmit->payload);
    }
    if (auto event = client.PollEvent()) {
      return event;
    }
    if (socket.WaitReadable(client.NextTimeout())) {
      if (const auto datagram = socket.Receive()) {
        (void)client.HandleDatagram(Now(), server, *datagram);
      }
    }
    client.HandleTimeout(Now());
  }
}

/// A stream with or without TLS.
class Stream {
 public:
  Stream(const Endpoint& server, bool is_secure)
      : socket_(server, SOCK_STREAM) {
    if (is_secure) {
      const auto context = tls::ClientContext::Make(
          {.roots_pem = {},
           .verification = tls::Verification::kInsecureForTests});
      auto channel = tls::Channel::Client(
          *context,
          {.host = server.address.ToString(), .certificate_name = {}});
      channel_.emplace(*std::move(channel));
    }
  }

  [[nodiscard]] bool is_connected() const { return socket_.is_connected(); }

  [[nodiscard]] bool WaitReadable(std::optional<Instant> until) const {
    return socket_.WaitReadable(until);
  }

  void Send(ByteView bytes) {
    if (!channel_) {
      socket_.Send(bytes);
      return;
    }
    waiting_.insert(waiting_.end(), bytes.begin(), bytes.end());
    Flush();
  }

  /// nullopt at the end of the stream.
  std::optional<std::vector<uint8_t>> Receive() {
    const auto bytes = socket_.Receive();
    if (!bytes || bytes->empty()) {
      return std::nullopt;
    }
    if (!channel_) {
      return std::vector<uint8_t>(bytes->begin(), bytes->end());
    }
    if (!channel_->HandleCiphertext(*bytes)) {
      return std::nullopt;
    }
    std::vector<uint8_t> plain(65536);
    plain.resize(channel_->ReadPlaintext(plain).value_or(0));
    Flush();
    return plain;
  }

 private:
  void Flush() {
    const size_t taken = channel_->WritePlaintext(waiting_).value_or(0);
    waiting_.erase(waiting_.begin(),
                   waiting_.begin() + static_cast<std::ptrdiff_t>(taken));
    socket_.Send(channel_->TakeCiphertext());
  }

  Socket socket_;
  std::optional<tls::Channel> channel_;
  std::vector<uint8_t> waiting_;
};

std::optional<BindingEvent> AskOverStream(const Endpoint& server,
                                          bool is_secure,
                                          BindingConfig config) {
  SystemRng rng;
  Stream stream(server, is_secure);
  if (!stream.is_connected()) {
    return std::nullopt;
  }
  StreamBindingClient client(server, rng, std::move(config));
  client.Start(Now());
  while (true) {
    while (const auto bytes = client.PollBytes()) {
      stream.Send(*bytes);
    }
    if (auto event = client.PollEvent()) {
      return event;
    }
    if (stream.WaitReadable(client.NextTimeout())) {
      if (const auto bytes = stream.Receive()) {
        client.HandleBytes(Now(), *bytes);
      } else {
        client.HandleClosed(Now());
      }
    }
    client.HandleTimeout(Now());
  }
}

std::string Describe(const BindingEvent& event) {
  switch (event.outcome) {
    case BindingOutcome::kSuccess:
      return "success " + event.reflexive_address->ToString() +
             (event.is_verified ? " verified" : " open");
    case BindingOutcome::kErrorResponse:
      return "error " + std::to_string(std::to_underlying(*event.error_code));
    case BindingOutcome::kTimedOut:
      return "timed-out";
    case BindingOutcome::kIntegrityViolation:
      return "integrity-violation";
    case BindingOutcome::kBadResponse:
      return "bad-response";
    case BindingOutcome::kBidDown:
      return "bid-down";
    case BindingOutcome::kRedirected:
      return "redirected";
    case BindingOutcome::kConnectionLost:
      return "connection-lost";
  }
  return "?";
}

std::optional<BindingConfig> MakeConfig(
    const std::vector<std::string_view>& arguments) {
  const bool is_old = arguments[0] == "rfc3489";
  BindingConfig config =
      is_old ? BindingConfig::ForRfc3489Server() : BindingConfig{};
  config.sends_fingerprint = !is_old;
  if (arguments.size() == 5) {
    auto user = ShortTermCredentials::Prepare(arguments[2], arguments[3]);
    if (!user) {
      return std::nullopt;
    }
    config.credentials = *std::move(user);
  } else if (arguments.size() == 4) {
    auto user = LongTermCredentials::Prepare(arguments[2], arguments[3]);
    if (!user) {
      return std::nullopt;
    }
    config.long_term = *std::move(user);
  }
  return config;
}

int Main(int argc, char** argv) {
  const std::vector<std::string_view> arguments(argv + 1, argv + argc);
  if (arguments.size() < 2) {
    return 2;
  }
  const auto server = Endpoint::Parse(arguments[1]);
  auto config = MakeConfig(arguments);
  if (!server || !config) {
    return 2;
  }
  const bool is_stream = arguments[0] == "tcp" || arguments[0] == "tls";
  const auto event = !is_stream ? AskOverUdp(*server, *std::move(config))
                                : AskOverStream(*server, arguments[0] == "tls",
                                                *std::move(config));
  const std::string line = event ? Describe(*event) : "not-connected";
  std::puts(line.c_str());
  return event && event->outcome == BindingOutcome::kSuccess ? 0 : 1;
}

}  // namespace
}  // namespace natkit::stun

int main(int argc, char** argv) {
  return natkit::stun::Main(argc, argv);
}
