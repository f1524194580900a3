#include "real_lab.h"

#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <sstream>
#include <vector>

#include "agent_frame.h"
#include "agent_process.h"
#include "natkit/base/rng.h"

namespace natkit::natcheck::conformance {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Instant Now() {
  return Instant{std::chrono::steady_clock::now().time_since_epoch()};
}

std::vector<IpAddress> ParseHello(const std::string& text) {
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

/// An agent's addresses; empty if it does not say them in time.
std::vector<IpAddress> AwaitHello(AgentProcess& agent) {
  std::vector<IpAddress> addresses;
  const Instant deadline = Now() + seconds(30);
  while (addresses.empty() && Now() < deadline &&
         agent.Trouble(Now()).empty()) {
    pollfd wait = {.fd = agent.output(), .events = POLLIN, .revents = 0};
    if (::poll(&wait, 1, 1000) > 0 && !agent.Read()) {
      break;
    }
    if (const auto frame = agent.Next();
        frame && frame->kind == FrameKind::kHello) {
      addresses = ParseHello(std::string(AsText(frame->content)));
    }
  }
  return addresses;
}

/// Moves packets and time; decides nothing.
class RealRun {
 public:
  RealRun(Controller& controller, AgentProcess& inside, AgentProcess& outside)
      : controller_(controller), agents_{&inside, &outside} {}

  /// Why it could not go on; empty: it is done.
  std::string Run() {
    controller_.Start(Now());
    Pump();
    while (!controller_.is_done()) {
      std::array<pollfd, 4> waits = {Output(0), Output(1), Input(0), Input(1)};
      (void)::poll(waits.data(), waits.size(), Patience());
      for (size_t i = 0; i < agents_.size(); ++i) {
        if (waits[i].revents != 0 && !Take(i)) {
          return Name(i) + " has gone";
        }
        agents_[i]->Flush(Now());
        if (const auto trouble = agents_[i]->Trouble(Now()); !trouble.empty()) {
          return Name(i) + " " + trouble;
        }
      }
      controller_.HandleTimeout(Now());
      Pump();
    }
    return "";
  }

 private:
  static std::string Name(size_t agent) {
    return agent == 0 ? "the inside agent" : "the outside agent";
  }

  [[nodiscard]] pollfd Output(size_t agent) const {
    return {.fd = agents_[agent]->output(), .events = POLLIN, .revents = 0};
  }

  /// Of interest only while something waits: poll() ignores fd -1.
  [[nodiscard]] pollfd Input(size_t agent) const {
    return {.fd = agents_[agent]->has_backlog() ? agents_[agent]->input() : -1,
            .events = POLLOUT,
            .revents = 0};
  }

  /// In milliseconds; at most one second, so that stalls are noticed.
  [[nodiscard]] int Patience() const {
    const Instant next = controller_.NextTimeout().value_or(Now());
    const auto left = std::chrono::ceil<milliseconds>(next - Now());
    return static_cast<int>(std::clamp<int64_t>(left.count(), 0, 1000));
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
      agents_[static_cast<size_t>(injection->side)]->Send(Now(),
                                                          injection->packet);
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
  site.inside = AwaitHello(inside_agent);
  if (const auto trouble = inside_agent.Trouble(Now()); !trouble.empty()) {
    return std::unexpected("the inside agent " + trouble);
  }
  site.outside = AwaitHello(outside_agent);
  if (const auto trouble = outside_agent.Trouble(Now()); !trouble.empty()) {
    return std::unexpected("the outside agent " + trouble);
  }
  if (options.exempt && std::erase(site.outside, *options.exempt) == 0) {
    return std::unexpected("the outside agent has no address " +
                           options.exempt->ToString() + " (--exempt)");
  }
  site.exempt = options.exempt;
  site.pcp_server = options.pcp_server;
  if (site.inside.size() < 2 || site.outside.size() < 3) {
    return std::unexpected(
        "the agents must have two addresses inside and three outside");
  }
  SystemRng rng;
  const Instant start = Now();
  Controller controller(std::move(site), options, rng);
  const std::string trouble =
      RealRun(controller, inside_agent, outside_agent).Run();
  if (!trouble.empty()) {
    return std::unexpected(trouble);
  }
  return RunResult{.findings = controller.findings(),
                   .facts = controller.facts(),
                   .took = Now() - start};
}

}  // namespace natkit::natcheck::conformance
