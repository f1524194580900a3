// Two machines behind NATs find a direct UDP path, with nothing but a STUN
// server and two people who copy lines from one terminal to the other.
//
// usage: punch STUN-ADDRESS:PORT
//
// Prints what the other side must know, and an empty line; reads the same from
// standard input. After "direct", each line that is typed is sent to the other
// side. IPv4, one socket, one poll(2) loop. What is sent is NOT encrypted:
// libwg, DTLS or QUIC go on top of such a path.

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "mdns_lookup.h"
#include "natkit/base/rng.h"
#include "natkit/nat/ice_agent.h"

namespace {

using natkit::Endpoint;
using natkit::Instant;
namespace ice = natkit::ice;

Instant Now() {
  return Instant(std::chrono::steady_clock::now().time_since_epoch());
}

sockaddr_in ToSockaddr(const Endpoint& endpoint) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(endpoint.port);
  std::memcpy(&out.sin_addr, endpoint.address.bytes().data(), 4);
  return out;
}

Endpoint ToEndpoint(const sockaddr_in& address) {
  std::array<uint8_t, 4> bytes{};
  std::memcpy(bytes.data(), &address.sin_addr, bytes.size());
  return {.address = natkit::IpAddress::V4(bytes),
          .port = ntohs(address.sin_port)};
}

Endpoint LocalOf(int fd) {
  sockaddr_in address{};
  socklen_t size = sizeof(address);
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return ToEndpoint(address);
}

/// The address that this host sends from towards `server`; nothing is sent.
natkit::IpAddress AddressTowards(const Endpoint& server) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const sockaddr_in to = ToSockaddr(server);
  (void)connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof(to));
  const Endpoint local = LocalOf(fd);
  close(fd);
  return local.address;
}

class Punch {
 public:
  explicit Punch(const Endpoint& stun_server)
      : agent_(ConfigFor(stun_server), rng_),
        fd_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)),
        names_(rng_, {AddressTowards(stun_server)}) {
    const sockaddr_in local =
        ToSockaddr({.address = AddressTowards(stun_server), .port = 0});
    if (bind(fd_, reinterpret_cast<const sockaddr*>(&local), sizeof(local)) !=
        0) {
      std::perror("punch: bind");
    }
    base_ = LocalOf(fd_);
  }

  ~Punch() { close(fd_); }

  Punch(const Punch&) = delete;
  Punch& operator=(const Punch&) = delete;

  int Run();

 private:
  /// Both sides may say "controlling": the agents settle it (RFC 8445 7.3.1.1).
  static ice::AgentConfig ConfigFor(const Endpoint& stun_server) {
    auto config = ice::AgentConfig::Mesh(ice::Role::kControlling);
    config.stun_servers.push_back(stun_server);
    return config;
  }

  void Pump();
  void Handle(const ice::AgentEvent& event);
  void ReadSocket();
  void ReadNames();
  /// Until there is something to do; returns whether it is standard input.
  bool Wait();
  void TakeLine(std::string_view line);
  void Send(const Endpoint& to, natkit::ByteView payload) const;
  [[nodiscard]] int MillisecondsToNextTimeout() const;

  natkit::SystemRng rng_;
  ice::Agent agent_;
  int fd_;
  Endpoint base_;
  MdnsLookup names_;
};

int Punch::Run() {
  const auto& own = agent_.local_credentials();
  std::cout << "credentials " << own.ufrag << ' ' << own.password.Expose()
            << '\n';
  if (!agent_.AddHostBase(Now(), base_)) {
    std::cerr << "punch: no usable address\n";
    return 1;
  }
  agent_.SetLocalEndOfCandidates(Now());
  std::string line;
  while (true) {
    Pump();
    const bool has_input = Wait();
    ReadSocket();
    ReadNames();
    agent_.HandleTimeout(Now());
    if (has_input) {
      char letter = 0;
      if (read(STDIN_FILENO, &letter, 1) != 1) {
        return 0;
      }
      if (letter != '\n') {
        line.push_back(letter);
      } else {
        TakeLine(line);
        line.clear();
      }
    }
  }
}

bool Punch::Wait() {
  std::vector<pollfd> ready = {{STDIN_FILENO, POLLIN, 0}, {fd_, POLLIN, 0}};
  for (const int fd : names_.fds()) {
    ready.push_back({fd, POLLIN, 0});
  }
  poll(ready.data(), ready.size(), MillisecondsToNextTimeout());
  return ready[0].revents != 0;
}

/// After every input: send what the agent wants sent, learn what it learnt.
void Punch::Pump() {
  while (const auto transmit = agent_.PollTransmit()) {
    Send(transmit->to, transmit->payload);
  }
  while (const auto event = agent_.PollEvent()) {
    Handle(*event);
  }
}

void Punch::Handle(const ice::AgentEvent& event) {
  if (const auto* local = std::get_if<ice::LocalCandidateEvent>(&event)) {
    std::cout << ice::FormatCandidate(local->candidate) << '\n';
  } else if (std::holds_alternative<ice::GatheringDoneEvent>(event)) {
    std::cout << std::endl;
  } else if (const auto* now = std::get_if<ice::SelectedPairEvent>(&event)) {
    std::cout << (now->pair ? "direct " + now->pair->remote.ToString()
                            : "no path")
              << std::endl;
  }
}

void Punch::ReadSocket() {
  std::array<uint8_t, 2048> buffer{};
  sockaddr_in from{};
  socklen_t size = sizeof(from);
  ssize_t received = 0;
  while ((received = recvfrom(fd_, buffer.data(), buffer.size(), 0,
                              reinterpret_cast<sockaddr*>(&from), &size)) >=
         0) {
    const auto datagram =
        natkit::ByteView(buffer).first(static_cast<size_t>(received));
    // What the agent does not want is ours, if it is from the other side.
    const auto path = agent_.selected();
    if (!agent_.HandleDatagram(Now(), base_, ToEndpoint(from), datagram) &&
        path && path->remote == ToEndpoint(from)) {
      std::cout << "< " << natkit::AsText(datagram) << std::endl;
    }
  }
}

/// Browsers hide their addresses behind names that their own link knows.
void Punch::ReadNames() {
  for (const ice::Candidate& candidate : names_.Run(Now())) {
    (void)agent_.AddRemoteCandidate(Now(), candidate);
  }
}

void Punch::TakeLine(std::string_view line) {
  constexpr std::string_view kCredentials = "credentials ";
  if (const auto path = agent_.selected()) {
    Send(path->remote, natkit::AsBytes(line));
  } else if (line.starts_with(kCredentials)) {
    const std::string_view rest = line.substr(kCredentials.size());
    const size_t space = std::min(rest.find(' '), rest.size());
    if (!agent_.SetRemoteCredentials(
            Now(),
            {.ufrag = std::string(rest.substr(0, space)),
             .password = rest.substr(std::min(space + 1, rest.size()))})) {
      std::cerr << "punch: these are no credentials\n";
    }
  } else if (const auto candidate = ice::ParseCandidate(line)) {
    if (!agent_.AddRemoteCandidate(Now(), *candidate)) {
      std::cerr << "punch: candidate refused\n";
    }
  } else if (names_.Ask(Now(), line)) {
    std::cerr << "punch: asking for that name\n";
  } else if (!line.empty()) {
    std::cerr << "punch: no path yet, and this is no candidate: " << line
              << '\n';
  }
}

void Punch::Send(const Endpoint& to, natkit::ByteView payload) const {
  const sockaddr_in address = ToSockaddr(to);
  // What the network refuses is lost, as any datagram may be.
  (void)sendto(fd_, payload.data(), payload.size(), 0,
               reinterpret_cast<const sockaddr*>(&address), sizeof(address));
}

int Punch::MillisecondsToNextTimeout() const {
  constexpr natkit::Duration kLongest = std::chrono::minutes(1);
  const Instant now = Now();
  const Instant next = std::min(agent_.NextTimeout().value_or(now + kLongest),
                                names_.NextTimeout().value_or(now + kLongest));
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(
      std::clamp(next - now, natkit::Duration::zero(), kLongest));
  return static_cast<int>(wait.count());
}

}  // namespace

int main(int argc, char** argv) {
  const auto server =
      argc == 2
          ? Endpoint::Parse(argv[1])
          : natkit::Result<Endpoint>(natkit::Fail(natkit::Errc::kBadEncoding));
  if (!server || !server->address.is_v4()) {
    std::cerr << "usage: punch STUN-IPV4-ADDRESS:PORT\n";
    return 2;
  }
  return Punch(*server).Run();
}
