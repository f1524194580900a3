#include "real_lab.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <sstream>

#include "agent_frame.h"
#include "natkit/base/rng.h"
#include "run/files.h"

namespace natkit::natcheck::conformance {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Instant Now() {
  return Instant{std::chrono::steady_clock::now().time_since_epoch()};
}

/// A child process that is an agent, or leads to one.
class AgentProcess {
 public:
  explicit AgentProcess(const std::string& command) {
    std::array<int, 2> to{};
    std::array<int, 2> from{};
    if (::pipe2(to.data(), O_CLOEXEC) != 0 ||
        ::pipe2(from.data(), O_CLOEXEC) != 0) {
      return;
    }
    child_ = ::fork();
    if (child_ == 0) {
      ::dup2(to[0], STDIN_FILENO);
      ::dup2(from[1], STDOUT_FILENO);
      ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
      ::_exit(127);
    }
    ::close(to[0]);
    ::close(from[1]);
    to_ = netsim::FileDescriptor(to[1]);
    from_ = netsim::FileDescriptor(from[0]);
  }

  /// Its standard input ends, and so does it.
  ~AgentProcess() {
    to_.Reset();
    from_.Reset();
    if (child_ > 0) {
      ::waitpid(child_, nullptr, 0);
    }
  }

  AgentProcess(const AgentProcess&) = delete;
  AgentProcess& operator=(const AgentProcess&) = delete;

  [[nodiscard]] int fd() const { return from_.get(); }

  /// False: it has ended.
  [[nodiscard]] bool Read() {
    std::array<uint8_t, 65536> bytes;
    const ssize_t got = ::read(from_.get(), bytes.data(), bytes.size());
    if (got <= 0) {
      return false;
    }
    reader_.Feed(ByteView(bytes).first(static_cast<size_t>(got)));
    return true;
  }

  [[nodiscard]] std::optional<Frame> Next() { return reader_.Next(); }

  void Send(ByteView packet) {
    const auto frame = EncodeFrame(FrameKind::kPacket, packet);
    ByteView rest = frame;
    while (!rest.empty()) {
      const ssize_t sent = ::write(to_.get(), rest.data(), rest.size());
      if (sent <= 0) {
        return;  // the next Read() says so
      }
      rest = rest.subspan(static_cast<size_t>(sent));
    }
  }

  /// Its addresses; empty if it does not say them in time.
  [[nodiscard]] std::vector<IpAddress> AwaitHello() {
    std::vector<IpAddress> addresses;
    const Instant deadline = Now() + seconds(30);
    while (addresses.empty() && Now() < deadline) {
      pollfd wait = {.fd = fd(), .events = POLLIN, .revents = 0};
      if (::poll(&wait, 1, 1000) > 0 && !Read()) {
        break;
      }
      if (const auto frame = Next();
          frame && frame->kind == FrameKind::kHello) {
        addresses = ParseHello(std::string(AsText(frame->content)));
      }
    }
    return addresses;
  }

 private:
  static std::vector<IpAddress> ParseHello(const std::string& text) {
    std::vector<IpAddress> addresses;
    if (!text.starts_with(kAgentHello)) {
      return addresses;
    }
    std::istringstream words(text.substr(kAgentHello.size()));
    for (std::string word; words >> word;) {
      if (const auto address = IpAddress::Parse(word)) {
        addresses.push_back(*address);
      }
    }
    return addresses;
  }

  pid_t child_ = -1;
  netsim::FileDescriptor to_;
  netsim::FileDescriptor from_;
  FrameReader reader_;
};

/// Moves packets and time; decides nothing.
class RealRun {
 public:
  RealRun(Controller& controller, AgentProcess& inside, AgentProcess& outside)
      : controller_(controller), agents_{&inside, &outside} {}

  /// False: an agent has gone.
  bool Run() {
    controller_.Start(Now());
    Pump();
    while (!controller_.is_done()) {
      std::array<pollfd, 2> waits = {
          pollfd{.fd = agents_[0]->fd(), .events = POLLIN, .revents = 0},
          pollfd{.fd = agents_[1]->fd(), .events = POLLIN, .revents = 0}};
      (void)::poll(waits.data(), waits.size(), Patience());
      for (size_t i = 0; i < waits.size(); ++i) {
        if (waits[i].revents != 0 && !Take(i)) {
          return false;
        }
      }
      controller_.HandleTimeout(Now());
      Pump();
    }
    return true;
  }

 private:
  [[nodiscard]] int Patience() const {
    const Instant next = controller_.NextTimeout().value_or(Now());
    const auto left = std::chrono::ceil<milliseconds>(next - Now());
    return static_cast<int>(std::clamp<int64_t>(left.count(), 0, 60000));
  }

  bool Take(size_t agent) {
    if (!agents_[agent]->Read()) {
      return false;
    }
    while (const auto frame = agents_[agent]->Next()) {
      if (frame->kind == FrameKind::kPacket) {
        controller_.HandlePacket(
            Now(), agent == 0 ? Side::kInside : Side::kOutside, frame->content);
        Pump();
      }
    }
    return true;
  }

  void Pump() {
    while (const auto injection = controller_.PollTransmit()) {
      agents_[static_cast<size_t>(injection->side)]->Send(injection->packet);
    }
  }

  Controller& controller_;
  std::array<AgentProcess*, 2> agents_;
};

}  // namespace

std::expected<RunResult, std::string> RunWithAgents(const std::string& inside,
                                                    const std::string& outside,
                                                    const Options& options) {
  ::signal(SIGPIPE, SIG_IGN);
  AgentProcess inside_agent(inside);
  AgentProcess outside_agent(outside);
  Site site;
  site.inside = inside_agent.AwaitHello();
  site.outside = outside_agent.AwaitHello();
  if (site.inside.size() < 2 || site.outside.size() < 3) {
    return std::unexpected(
        "the agents must have two addresses inside and three outside");
  }
  SystemRng rng;
  const Instant start = Now();
  Controller controller(std::move(site), options, rng);
  if (!RealRun(controller, inside_agent, outside_agent).Run()) {
    return std::unexpected("an agent has gone");
  }
  return RunResult{.findings = controller.findings(),
                   .facts = controller.facts(),
                   .took = Now() - start};
}

}  // namespace natkit::natcheck::conformance
