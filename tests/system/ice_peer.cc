// libnat's ICE agent as a program: real UDP sockets, signalling by lines.
//
// usage: ice_peer controlling|controlled [--mesh] [--stun IP:PORT]... IP...
//
// Writes "credentials UFRAG PASSWORD", "candidate CANDIDATE",
// "end-of-candidates", "restarted", "state NAME", "role NAME", "selected LOCAL
// REMOTE" and "data TEXT"; reads the first three as the other side wrote them,
// and "gather", "restart", "send TEXT" and "quit". Names of multicast DNS are
// looked up.

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "mdns_lookup.h"
#include "natkit/base/rng.h"
#include "natkit/nat/ice_agent.h"

namespace natkit::ice {
namespace {

Instant Now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return Instant(std::chrono::seconds(now.tv_sec) +
                 std::chrono::nanoseconds(now.tv_nsec));
}

void Say(std::string_view line) {
  std::printf("%.*s\n", static_cast<int>(line.size()), line.data());
  std::fflush(stdout);
}

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

SocketAddress ToSocketAddress(const Endpoint& endpoint) {
  SocketAddress out;
  const ByteView bytes = endpoint.address.bytes();
  if (endpoint.address.is_v4()) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(endpoint.port);
    std::memcpy(&v4.sin_addr, bytes.data(), bytes.size());
    std::memcpy(&out.storage, &v4, sizeof(v4));
    out.size = sizeof(v4);
  } else {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(endpoint.port);
    std::memcpy(&v6.sin6_addr, bytes.data(), bytes.size());
    std::memcpy(&out.storage, &v6, sizeof(v6));
    out.size = sizeof(v6);
  }
  return out;
}

Endpoint ToEndpoint(const sockaddr_storage& storage) {
  if (storage.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &storage, sizeof(v4));
    std::array<uint8_t, 4> bytes{};
    std::memcpy(bytes.data(), &v4.sin_addr, bytes.size());
    return {.address = IpAddress::V4(bytes), .port = ntohs(v4.sin_port)};
  }
  sockaddr_in6 v6{};
  std::memcpy(&v6, &storage, sizeof(v6));
  std::array<uint8_t, 16> bytes{};
  std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
  return {.address = IpAddress::V6(bytes), .port = ntohs(v6.sin6_port)};
}

/// A UDP socket on one address and a port that the system chooses.
class Base {
 public:
  explicit Base(const IpAddress& address)
      : fd_(socket(address.is_v4() ? AF_INET : AF_INET6,
                   SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    const auto wanted = ToSocketAddress({.address = address, .port = 0});
    SocketAddress got{.size = sizeof(sockaddr_storage)};
    is_bound_ = bind(fd_, reinterpret_cast<const sockaddr*>(&wanted.storage),
                     wanted.size) == 0 &&
                getsockname(fd_, reinterpret_cast<sockaddr*>(&got.storage),
                            &got.size) == 0;
    local_ = is_bound_ ? ToEndpoint(got.storage) : Endpoint{};
  }

  ~Base() { close(fd_); }

  Base(const Base&) = delete;
  Base& operator=(const Base&) = delete;

  [[nodiscard]] int fd() const { return fd_; }

  [[nodiscard]] bool is_bound() const { return is_bound_; }

  [[nodiscard]] const Endpoint& local() const { return local_; }

  void Send(const Endpoint& to, ByteView payload) const {
    const auto address = ToSocketAddress(to);
    // What the network refuses is lost, as any datagram may be.
    (void)sendto(fd_, payload.data(), payload.size(), 0,
                 reinterpret_cast<const sockaddr*>(&address.storage),
                 address.size);
  }

  /// nullopt when nothing is there, or an ICMP error was.
  [[nodiscard]] std::optional<ByteView> Receive(MutableBytes buffer,
                                                Endpoint& from) const {
    sockaddr_storage address{};
    socklen_t size = sizeof(address);
    const ssize_t received =
        recvfrom(fd_, buffer.data(), buffer.size(), 0,
                 reinterpret_cast<sockaddr*>(&address), &size);
    if (received < 0) {
      return std::nullopt;
    }
    from = ToEndpoint(address);
    return ByteView(buffer).first(static_cast<size_t>(received));
  }

 private:
  int fd_;
  bool is_bound_ = false;
  Endpoint local_;
};

std::string_view StateName(AgentState state) {
  switch (state) {
    case AgentState::kNew:
      return "new";
    case AgentState::kChecking:
      return "checking";
    case AgentState::kConnected:
      return "connected";
    case AgentState::kDisconnected:
      return "disconnected";
    case AgentState::kFailed:
      return "failed";
  }
  return "?";
}

class Peer {
 public:
  Peer(AgentConfig config, std::vector<IpAddress> addresses)
      : agent_(std::move(config), rng_), names_(rng_, addresses) {
    for (const IpAddress& address : addresses) {
      bases_.emplace_back(address);
    }
  }

  int Run();

 private:
  void SayCredentials();
  void Gather();
  void ReadNames();
  void Wait();
  void ReadDatagrams(const Base& base);
  /// False at the end of the input or after "quit".
  [[nodiscard]] bool ReadLines();
  [[nodiscard]] bool Take(std::string_view line);
  void SendData(std::string_view text);
  void Pump();
  void SayEvent(const AgentEvent& event);

  SystemRng rng_;
  Agent agent_;
  MdnsLookup names_;
  std::deque<Base> bases_;
  std::string input_;
};

int Peer::Run() {
  if (!std::ranges::all_of(bases_, &Base::is_bound)) {
    return 1;
  }
  SayCredentials();
  while (ReadLines()) {
    for (const Base& base : bases_) {
      ReadDatagrams(base);
    }
    ReadNames();
    agent_.HandleTimeout(Now());
    Pump();
    Wait();
  }
  return 0;
}

void Peer::SayCredentials() {
  const Credentials& own = agent_.local_credentials();
  Say("credentials " + own.ufrag + " " + std::string(own.password.Expose()));
}

void Peer::Gather() {
  for (const Base& base : bases_) {
    (void)agent_.AddHostBase(Now(), base.local());
  }
  agent_.SetLocalEndOfCandidates(Now());
}

void Peer::ReadNames() {
  for (const Candidate& candidate : names_.Run(Now())) {
    Say("resolved " + candidate.endpoint.ToString());
    (void)agent_.AddRemoteCandidate(Now(), candidate);
  }
}

void Peer::Wait() {
  constexpr Duration kLongest = std::chrono::seconds(1);
  const Instant now = Now();
  const Instant next = std::min(agent_.NextTimeout().value_or(now + kLongest),
                                names_.NextTimeout().value_or(now + kLongest));
  const Duration wait = std::clamp(next - now, Duration::zero(), kLongest);
  std::vector<pollfd> entries = {{STDIN_FILENO, POLLIN, 0}};
  for (const Base& base : bases_) {
    entries.push_back({base.fd(), POLLIN, 0});
  }
  for (const int fd : names_.fds()) {
    entries.push_back({fd, POLLIN, 0});
  }
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(wait);
  poll(entries.data(), entries.size(), static_cast<int>(milliseconds.count()));
}

void Peer::ReadDatagrams(const Base& base) {
  std::array<uint8_t, 2048> buffer{};
  Endpoint from;
  while (const auto datagram = base.Receive(buffer, from)) {
    const auto selected = agent_.selected();
    if (!agent_.HandleDatagram(Now(), base.local(), from, *datagram) &&
        selected && selected->remote == from) {
      Say("data " + std::string(AsText(*datagram)));
    }
    Pump();
  }
}

bool Peer::ReadLines() {
  pollfd ready{STDIN_FILENO, POLLIN, 0};
  if (poll(&ready, 1, 0) <= 0) {
    return true;
  }
  std::array<char, 4096> buffer{};
  const ssize_t size = read(STDIN_FILENO, buffer.data(), buffer.size());
  if (size <= 0) {
    return false;
  }
  input_.append(buffer.data(), static_cast<size_t>(size));
  for (size_t end = input_.find('\n'); end != std::string::npos;
       end = input_.find('\n')) {
    const std::string line = input_.substr(0, end);
    input_.erase(0, end + 1);
    if (!Take(line)) {
      return false;
    }
    Pump();
  }
  return true;
}

bool Peer::Take(std::string_view line) {
  const size_t space = std::min(line.find(' '), line.size());
  const std::string_view verb = line.substr(0, space);
  const std::string_view rest = line.substr(std::min(space + 1, line.size()));
  if (verb == "credentials") {
    const size_t middle = std::min(rest.find(' '), rest.size());
    const auto taken = agent_.SetRemoteCredentials(
        Now(), {.ufrag = std::string(rest.substr(0, middle)),
                .password = rest.substr(std::min(middle + 1, rest.size()))});
    if (!taken) {
      Say("error " + std::string(ErrcName(taken.error().code)));
    }
  } else if (verb == "candidate") {
    const auto candidate = ParseCandidate(rest);
    if (!candidate ? !names_.Ask(Now(), rest)
                   : !agent_.AddRemoteCandidate(Now(), *candidate)) {
      Say("ignored " + std::string(rest));
    }
  } else if (verb == "end-of-candidates") {
    agent_.SetRemoteEndOfCandidates(Now());
  } else if (verb == "gather") {
    Gather();
  } else if (verb == "restart") {
    agent_.Restart(Now());
    SayCredentials();
  } else if (verb == "send") {
    SendData(rest);
  }
  return verb != "quit";
}

void Peer::SendData(std::string_view text) {
  const auto pair = agent_.selected();
  for (const Base& base : bases_) {
    if (pair && base.local() == pair->local_base) {
      base.Send(pair->remote, AsBytes(text));
    }
  }
}

void Peer::Pump() {
  while (const auto transmit = agent_.PollTransmit()) {
    for (const Base& base : bases_) {
      if (base.local() == transmit->from_base) {
        base.Send(transmit->to, transmit->payload);
      }
    }
  }
  while (const auto event = agent_.PollEvent()) {
    SayEvent(*event);
  }
}

void Peer::SayEvent(const AgentEvent& event) {
  if (const auto* local = std::get_if<LocalCandidateEvent>(&event)) {
    Say("candidate " + FormatCandidate(local->candidate));
  } else if (std::holds_alternative<GatheringDoneEvent>(event)) {
    Say("end-of-candidates");
  } else if (const auto* state = std::get_if<StateEvent>(&event)) {
    Say("state " + std::string(StateName(state->state)));
  } else if (const auto* role = std::get_if<RoleEvent>(&event)) {
    Say(role->role == Role::kControlling ? "role controlling"
                                         : "role controlled");
  } else if (const auto* pair = std::get_if<SelectedPairEvent>(&event)) {
    Say(pair->pair ? "selected " + pair->pair->local_mapped.ToString() + " " +
                         pair->pair->remote.ToString()
                   : "selected none");
  } else if (std::holds_alternative<RestartedEvent>(event)) {
    Say("restarted");
    SayCredentials();
  }
}

int Main(int argc, char** argv) {
  const std::vector<std::string_view> arguments(argv + 1, argv + argc);
  if (arguments.empty()) {
    return 2;
  }
  const Role role =
      arguments[0] == "controlling" ? Role::kControlling : Role::kControlled;
  const bool is_mesh =
      std::ranges::find(arguments, "--mesh") != arguments.end();
  AgentConfig config = is_mesh ? AgentConfig::Mesh(role) : AgentConfig{};
  config.role = role;
  std::vector<IpAddress> addresses;
  for (size_t i = 1; i < arguments.size(); ++i) {
    if (arguments[i] == "--stun" && i + 1 < arguments.size()) {
      const auto server = Endpoint::Parse(arguments[++i]);
      if (!server) {
        return 2;
      }
      config.stun_servers.push_back(*server);
    } else if (const auto address = IpAddress::Parse(arguments[i])) {
      addresses.push_back(*address);
    } else if (arguments[i] != "--mesh") {
      return 2;
    }
  }
  return Peer(std::move(config), std::move(addresses)).Run();
}

}  // namespace
}  // namespace natkit::ice

int main(int argc, char** argv) {
  return natkit::ice::Main(argc, argv);
}
