#include "real/real_agent.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "grid/ice_program.h"
#include "natkit/base/rng.h"
#include "natkit/nat/ice_agent.h"
#include "natkit/nat/ice_candidate.h"

namespace natkit::netsim::program {
namespace {

constexpr size_t kMaxDatagram = 2048;

Instant Now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return Instant(std::chrono::seconds(now.tv_sec) +
                 std::chrono::nanoseconds(now.tv_nsec));
}

int64_t NowNs() {
  return Now().time_since_epoch().count();
}

sockaddr_in ToSockaddr(const Endpoint& endpoint) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(endpoint.port);
  std::memcpy(&address.sin_addr, endpoint.address.bytes().data(), 4);
  return address;
}

/// An IPv4 UDP socket bound to one address.
class Socket {
 public:
  explicit Socket(const Endpoint& local)
      : fd_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    const sockaddr_in address = ToSockaddr(local);
    is_bound_ = bind(fd_, reinterpret_cast<const sockaddr*>(&address),
                     sizeof(address)) == 0;
  }

  ~Socket() { close(fd_); }

  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  [[nodiscard]] int fd() const { return fd_; }

  [[nodiscard]] bool is_bound() const { return is_bound_; }

  void Send(const Endpoint& to, ByteView payload) const {
    const sockaddr_in address = ToSockaddr(to);
    // What the network refuses is lost, as any datagram may be.
    static_cast<void>(sendto(fd_, payload.data(), payload.size(), 0,
                             reinterpret_cast<const sockaddr*>(&address),
                             sizeof(address)));
  }

  /// nullopt if nothing is there, or an ICMP error was.
  [[nodiscard]] std::optional<ByteView> Receive(MutableBytes buffer,
                                                Endpoint& from,
                                                int flags) const {
    sockaddr_in address{};
    socklen_t size = sizeof(address);
    const ssize_t received =
        recvfrom(fd_, buffer.data(), buffer.size(), flags,
                 reinterpret_cast<sockaddr*>(&address), &size);
    if (received < 0) {
      return std::nullopt;
    }
    std::array<uint8_t, 4> bytes{};
    std::memcpy(bytes.data(), &address.sin_addr, bytes.size());
    from = {IpAddress::V4(bytes), ntohs(address.sin_port)};
    return ByteView(buffer).first(static_cast<size_t>(received));
  }

 private:
  int fd_;
  bool is_bound_ = false;
};

/// An agent, its socket and its signalling: texts that begin with 'c'
/// (credentials), 'k' (a candidate) or 'e' (no more of them).
class AgentProcess {
 public:
  AgentProcess(const Endpoint& base, ice::AgentConfig config, int signals,
               int reports)
      : base_(base),
        socket_(base),
        agent_(std::move(config), rng_),
        signals_(signals),
        reports_(reports) {}

  int Run();

 private:
  void Signal(const std::string& text) const {
    static_cast<void>(send(signals_, text.data(), text.size(), MSG_NOSIGNAL));
  }

  void Wait();
  void ReadDatagrams();
  /// False when the other side has gone.
  [[nodiscard]] bool ReadSignals();
  void TakeSignal(std::string_view text);
  void Pump();
  void OnEvent(const ice::AgentEvent& event);
  void Report();

  Endpoint base_;
  Socket socket_;
  SystemRng rng_;
  ice::Agent agent_;
  int signals_;
  int reports_;
  AgentReport report_;
};

int AgentProcess::Run() {
  if (!socket_.is_bound() || !agent_.AddHostBase(Now(), base_)) {
    return 1;
  }
  agent_.SetLocalEndOfCandidates(Now());
  const ice::Credentials credentials = agent_.local_credentials();
  Signal("c" + credentials.ufrag + " " +
         std::string(credentials.password.Expose()));
  Pump();
  while (ReadSignals()) {
    Wait();
    ReadDatagrams();
    agent_.HandleTimeout(Now());
    Pump();
  }
  return 0;
}

void AgentProcess::Wait() {
  constexpr Duration kLongest = std::chrono::seconds(1);
  const Instant now = Now();
  const Duration wait =
      std::clamp(agent_.NextTimeout().value_or(now + kLongest) - now,
                 Duration::zero(), kLongest);
  std::array<pollfd, 2> entries = {
      {{socket_.fd(), POLLIN, 0}, {signals_, POLLIN, 0}}};
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(wait);
  poll(entries.data(), entries.size(), static_cast<int>(milliseconds.count()));
}

void AgentProcess::ReadDatagrams() {
  constexpr int kMaxRound = 64;
  std::array<uint8_t, kMaxDatagram> buffer{};
  Endpoint from;
  for (int i = 0; i < kMaxRound; ++i) {
    const auto datagram = socket_.Receive(buffer, from, MSG_DONTWAIT);
    if (!datagram) {
      return;
    }
    static_cast<void>(agent_.HandleDatagram(Now(), base_, from, *datagram));
  }
}

bool AgentProcess::ReadSignals() {
  std::array<char, kMaxDatagram> buffer{};
  while (true) {
    const ssize_t size =
        recv(signals_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size <= 0) {
      return size < 0 && (errno == EAGAIN || errno == EINTR);
    }
    TakeSignal({buffer.data(), static_cast<size_t>(size)});
  }
}

void AgentProcess::TakeSignal(std::string_view text) {
  const char kind = text.front();
  text.remove_prefix(1);
  if (kind == 'c') {
    const size_t space = std::min(text.find(' '), text.size() - 1);
    report_.started_ns = NowNs();
    static_cast<void>(agent_.SetRemoteCredentials(
        Now(), {.ufrag = std::string(text.substr(0, space)),
                .password = std::string(text.substr(space + 1))}));
  } else if (kind == 'k') {
    if (const auto candidate = ice::ParseCandidate(text)) {
      static_cast<void>(agent_.AddRemoteCandidate(Now(), *candidate));
    }
  } else {
    agent_.SetRemoteEndOfCandidates(Now());
  }
  Pump();
}

void AgentProcess::Pump() {
  while (const auto transmit = agent_.PollTransmit()) {
    socket_.Send(transmit->to, transmit->payload);
    ++report_.packets;
  }
  while (const auto event = agent_.PollEvent()) {
    OnEvent(*event);
  }
}

void AgentProcess::OnEvent(const ice::AgentEvent& event) {
  if (const auto* local = std::get_if<ice::LocalCandidateEvent>(&event)) {
    Signal("k" + ice::FormatCandidate(local->candidate));
  } else if (std::holds_alternative<ice::GatheringDoneEvent>(event)) {
    Signal("e");
  } else if (std::holds_alternative<ice::SelectedPairEvent>(event) ||
             std::holds_alternative<ice::StateEvent>(event)) {
    Report();
  }
}

void AgentProcess::Report() {
  const auto selected = agent_.selected();
  report_.state = selected ? AgentReport::State::kSelected
                  : agent_.state() == ice::AgentState::kFailed
                      ? AgentReport::State::kFailed
                      : AgentReport::State::kChecking;
  report_.mapped = selected ? selected->local_mapped : Endpoint{};
  report_.remote = selected ? selected->remote : Endpoint{};
  report_.changed_ns = NowNs();
  static_cast<void>(send(reports_, &report_, sizeof(report_), MSG_NOSIGNAL));
}

}  // namespace

int ServeStun(const Endpoint& local) {
  const Socket socket(local);
  if (!socket.is_bound()) {
    return 1;
  }
  std::array<uint8_t, kMaxDatagram> buffer{};
  std::array<uint8_t, 128> response{};
  Endpoint from;
  while (true) {
    const auto datagram = socket.Receive(buffer, from, 0);
    if (!datagram) {
      continue;
    }
    if (const auto answer = grid::AnswerBinding(*datagram, from, response)) {
      socket.Send(from, *answer);
    }
  }
}

int RunAgent(const Endpoint& base, ice::AgentConfig config, int signals,
             int reports) {
  return AgentProcess(base, std::move(config), signals, reports).Run();
}

}  // namespace natkit::netsim::program
