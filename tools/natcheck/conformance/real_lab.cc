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

/// An agent's addresses, or why there are none.
std::expected<std::vector<IpAddress>, std::string> AwaitHello(
    AgentProcess& agent) {
  const Instant deadline = Now() + seconds(30);
  while (Now() < deadline) {
    if (auto trouble = agent.Trouble(Now()); !trouble.empty()) {
      return std::unexpected(std::move(trouble));
    }
    pollfd wait = {.fd = agent.output(), .events = POLLIN, .revents = 0};
    if (::poll(&wait, 1, 1000) > 0 && !agent.Read()) {
      return std::unexpected(agent.Ending() +
                             " before it gave its addresses: does its command "
                             "run \"natcheck agent\" there?");
    }
    while (const auto frame = agent.Next()) {
      const std::string text(AsText(frame->content));
      if (frame->kind == FrameKind::kTrouble) {
        return std::unexpected("cannot work: " + text);
      }
      auto addresses = ParseHello(text);
      if (addresses.empty()) {
        return std::unexpected("is of another version");
      }
      return addresses;
    }
  }
  return std::unexpected("has not given its addresses within 30 s");
}

/// Why what was seen is no test of a NAT; empty if it is.
std::string DoubtsOf(const Facts& facts) {
  if (!facts.passes_udp && !facts.passes_tcp && !facts.passes_icmp) {
    return "nothing that the inside agent sends reaches the outside agent: "
           "does the box have a route to it, and are the agents not swapped?";
  }
  if (facts.is_translated) {
    return "";
  }
  return facts.is_direct
             ? "no router is between the agents: are both on one side of the "
               "box?"
             : "there is a router between the agents, but no NAT: packets "
               "arrive from the address that they were sent from";
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
          return Name(i) + " " +
                 (last_words_.empty() ? agents_[i]->Ending()
                                      : "cannot go on: " + last_words_);
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
      if (frame->kind == FrameKind::kTrouble) {
        last_words_ = AsText(frame->content);
        return false;
      }
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
  std::string last_words_;
};

}  // namespace

std::expected<RunResult, std::string> RunWithAgents(const std::string& inside,
                                                    const std::string& outside,
                                                    const Options& options) {
  ::signal(SIGPIPE, SIG_IGN);
  AgentProcess inside_agent(inside);
  AgentProcess outside_agent(outside);
  Site site;
  const auto from_inside = AwaitHello(inside_agent);
  if (!from_inside) {
    return std::unexpected("the inside agent " + from_inside.error());
  }
  const auto from_outside = AwaitHello(outside_agent);
  if (!from_outside) {
    return std::unexpected("the outside agent " + from_outside.error());
  }
  site.inside = *from_inside;
  site.outside = *from_outside;
  for (const auto& special : {options.exempt, options.conflict}) {
    if (special && std::erase(site.outside, *special) == 0) {
      return std::unexpected("the outside agent has no address " +
                             special->ToString() +
                             " (--exempt and --conflict are its)");
    }
  }
  site.exempt = options.exempt;
  site.conflict = options.conflict;
  site.pool = options.pool;
  site.pcp_server = options.pcp_server;
  if (site.inside.size() < 2 || site.outside.size() < 3) {
    return std::unexpected(
        "the agents must have two addresses inside and three outside, but "
        "have " +
        std::to_string(site.inside.size()) + " and " +
        std::to_string(site.outside.size()));
  }
  SystemRng rng;
  const Instant start = Now();
  Controller controller(std::move(site), options, rng);
  const std::string trouble =
      RealRun(controller, inside_agent, outside_agent).Run();
  if (!trouble.empty()) {
    return std::unexpected(trouble);
  }
  if (const auto doubts = DoubtsOf(controller.facts()); !doubts.empty()) {
    return std::unexpected(doubts);
  }
  return RunResult{.findings = controller.findings(),
                   .facts = controller.facts(),
                   .took = Now() - start};
}

}  // namespace natkit::natcheck::conformance
