#include "real/real_punch.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <functional>
#include <utility>
#include <vector>

#include "grid/case_scenario.h"
#include "natkit/netsim/profile.h"
#include "real/real_agent.h"

namespace natkit::netsim::program {
namespace {

/// Lets the kernel play what it plays as the case says.
void UseKernel(Nat& nat) {
  const bool is_home =
      nat.config.mapping == Dependence::kEndpointIndependent &&
      nat.config.filtering == Dependence::kAddressAndPortDependent;
  const bool is_symmetric =
      nat.config.mapping == Dependence::kAddressAndPortDependent &&
      nat.config.filtering == Dependence::kAddressAndPortDependent;
  if ((!is_home && !is_symmetric) ||
      nat.config.hairpinning != Hairpinning::kNone) {
    return;
  }
  const ProfileInfo* profile =
      FindProfile(is_home ? "linux-masquerade" : "linux-random-fully");
  nat.profile = profile->name;
  nat.config = profile->make();
  nat.config.external = nat.addresses;
  nat.config.inside_address = nat.inside_address;
  nat.backend = Backend::kKernel;
}

/// The two ends of a SOCK_SEQPACKET connection.
class Pair {
 public:
  Pair() {
    is_open_ = socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds_.data()) == 0;
  }

  ~Pair() {
    close(fds_[0]);
    close(fds_[1]);
  }

  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;

  [[nodiscard]] bool is_open() const { return is_open_; }

  [[nodiscard]] int fd(size_t end) const { return fds_[end]; }

 private:
  std::array<int, 2> fds_ = {-1, -1};
  bool is_open_ = false;
};

/// One attempt: a run, three processes on its hosts, and what they report.
class Attempt {
 public:
  explicit Attempt(const grid::PunchSpec& spec)
      : spec_(spec), case_(grid::MakeCaseScenario(spec)) {}

  ~Attempt();
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;

  Outcome<grid::PunchResult> Run();

 private:
  Outcome<void> Start();
  /// Forks a process that enters a host and does this; its exit is a failure.
  Outcome<void> Spawn(const std::string& host,
                      const std::function<int()>& work);
  Outcome<void> SpawnAgent(const std::string& host, const Endpoint& base,
                           size_t side);
  void TakeReport(size_t side);
  [[nodiscard]] bool is_over() const;
  [[nodiscard]] grid::PunchResult Result() const;

  const grid::PunchSpec& spec_;
  grid::CaseScenario case_;
  std::string run_;
  std::vector<pid_t> processes_;
  Pair signals_;
  std::array<Pair, 2> reports_;
  std::array<AgentReport, 2> last_;
};

Attempt::~Attempt() {
  if (!run_.empty()) {
    static_cast<void>(Down(run_));  // ends the processes, too
  }
  for (const pid_t process : processes_) {
    kill(process, SIGKILL);
    waitpid(process, nullptr, 0);
  }
}

Outcome<void> Attempt::Spawn(const std::string& host,
                             const std::function<int()>& work) {
  const pid_t parent = getpid();
  const pid_t process = fork();
  if (process < 0) {
    return std::unexpected(Failure{std::string("fork: ") + strerror(errno)});
  }
  if (process == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const bool is_orphan = getppid() != parent;
    _exit(is_orphan || !Enter(run_, host) ? 1 : work());
  }
  processes_.push_back(process);
  return {};
}

Outcome<void> Attempt::SpawnAgent(const std::string& host, const Endpoint& base,
                                  size_t side) {
  const bool is_controlling =
      (spec_.controlling == grid::Controlling::kA) == (side == 0);
  const auto role =
      is_controlling ? ice::Role::kControlling : ice::Role::kControlled;
  return Spawn(host, [this, base, side, role] {
    return RunAgent(base, grid::ConfigOf(spec_.agent, role, case_.server),
                    signals_.fd(side), reports_[side].fd(1));
  });
}

Outcome<void> Attempt::Start() {
  std::ranges::for_each(case_.scenario.nats, UseKernel);
  if (!signals_.is_open() || !reports_[0].is_open() || !reports_[1].is_open()) {
    return std::unexpected(
        Failure{std::string("socketpair: ") + strerror(errno)});
  }
  auto run = Up(case_.scenario, "", Lifetime::kWithCaller);
  if (!run) {
    return std::unexpected(run.error());
  }
  run_ = run->id;
  auto done = Spawn("stun", [this] { return ServeStun(case_.server); });
  done = done ? SpawnAgent("host-a", case_.base_a, 0) : done;
  return done ? SpawnAgent("host-b", case_.base_b, 1) : done;
}

void Attempt::TakeReport(size_t side) {
  AgentReport report;
  const ssize_t size =
      recv(reports_[side].fd(0), &report, sizeof(report), MSG_DONTWAIT);
  if (size == static_cast<ssize_t>(sizeof(report))) {
    last_[side] = report;
  }
}

bool Attempt::is_over() const {
  const bool both_failed =
      std::ranges::all_of(last_, [](const AgentReport& report) {
        return report.state == AgentReport::State::kFailed;
      });
  return both_failed || Result().found == grid::Found::kDirect;
}

grid::PunchResult Attempt::Result() const {
  const AgentReport& a = last_[0];
  const AgentReport& b = last_[1];
  const bool is_a = a.state == AgentReport::State::kSelected;
  const bool is_b = b.state == AgentReport::State::kSelected;
  grid::PunchResult result;
  result.packets = a.packets + b.packets;
  if (is_a && is_b && a.mapped == b.remote && b.mapped == a.remote) {
    result.found = grid::Found::kDirect;
    result.took = Duration(std::max(a.changed_ns, b.changed_ns) -
                           std::max(a.started_ns, b.started_ns));
  } else if (is_a || is_b) {
    result.found = grid::Found::kHalf;
  }
  return result;
}

Outcome<grid::PunchResult> Attempt::Run() {
  if (auto started = Start(); !started) {
    return std::unexpected(started.error());
  }
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  // Machines are busy at times; an attempt is over when both agents say so.
  const auto deadline = start + 3 * grid::LimitOf(spec_.agent);
  while (!is_over() && Clock::now() < deadline) {
    std::array<pollfd, 2> entries = {
        {{reports_[0].fd(0), POLLIN, 0}, {reports_[1].fd(0), POLLIN, 0}}};
    poll(entries.data(), entries.size(), 200);
    TakeReport(0);
    TakeReport(1);
    for (const pid_t process : processes_) {
      if (waitpid(process, nullptr, WNOHANG) == process) {
        std::erase(processes_, process);
        return std::unexpected(
            Failure{"a program of the attempt ended by itself"});
      }
    }
  }
  grid::PunchResult result = Result();
  result.simulated = Clock::now() - start;
  return result;
}

}  // namespace

Outcome<grid::PunchResult> PunchForReal(const grid::PunchSpec& spec) {
  return Attempt(spec).Run();
}

}  // namespace natkit::netsim::program
