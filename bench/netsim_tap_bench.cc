// How many packets a second a NAT that NatEngine plays on TAP devices
// forwards, and what each costs.
//
//     netsim_tap_bench [--seconds S] [--rate PACKETS_PER_SECOND]
//                      [--require PACKETS_PER_SECOND]
//
// Brings up one inside host, one engine box and one server. The inside host
// sends UDP at --rate, 600,000 packets a second unless told (sendmmsg, 64 at a
// time), the server collects what has arrived every half millisecond. Sender
// and receiver are pinned to the first CPU, the engine process to the last, so
// that on two CPUs it has one core to itself; other work on the machine costs
// it caches and makes every packet dearer. Links have no delay. Reported per
// payload size and number of flows:
//
//   sent/s      what the inside host handed to its interface
//   received/s  what the server's sockets got: forwarded, end to end
//   core        share of one core that the engine process used
//   us/packet   its CPU time per received packet, kernel included
//   packets/s per core   received / CPU time: what one full core forwards
//
// With --require the exit status is 1 if the last column is below it for one
// of the rows. Needs root or user namespaces, and about 3 s per row.

#include <arpa/inet.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <new>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "natkit/netsim/control.h"
#include "natkit/netsim/scenario.h"

namespace natkit::netsim {
namespace {

constexpr std::string_view kScenario = R"(
name = "tap-bench"
[[network]]
name = "internet"
cidr = "203.0.113.0/24"
[[network]]
name = "lan"
cidr = "192.168.1.0/24"
[[host]]
name = "server"
network = "internet"
address = "203.0.113.10"
[[host]]
name = "inside"
network = "lan"
address = "192.168.1.10"
[[nat]]
name = "box"
profile = "port-restricted"
inside = "lan"
outside = "internet"
address = "203.0.113.20"
backend = "engine"
)";

constexpr const char* kServer = "203.0.113.10";
constexpr uint16_t kPort = 9000;
constexpr size_t kBatch = 64;
constexpr size_t kLargest = 2048;
/// A receiver that waits in recvmmsg is woken by every packet, and waking a
/// process on another CPU is then half of what the benchmark measures.
constexpr std::chrono::microseconds kReceiverNap{500};

/// Shared with the children.
struct Counters {
  std::atomic<uint64_t> sent{0};
  std::atomic<uint64_t> received{0};
};

struct Row {
  size_t payload = 0;
  size_t flows = 1;
  double rate = 0;  ///< packets per second
};

[[noreturn]] void Die(const std::string& text) {
  std::cerr << "netsim_tap_bench: " << text << '\n';
  std::exit(2);
}

void PinTo(pid_t pid, unsigned cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  sched_setaffinity(pid, sizeof(set), &set);
}

void SetBuffer(int fd, int forced, int polite) {
  const int size = 8 << 20;
  if (setsockopt(fd, SOL_SOCKET, forced, &size, sizeof(size)) != 0) {
    setsockopt(fd, SOL_SOCKET, polite, &size, sizeof(size));
  }
}

sockaddr_in Address(const char* address, uint16_t port) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  inet_pton(AF_INET, address, &at.sin_addr);
  return at;
}

/// Buffers of one sendmmsg or recvmmsg.
struct Batch {
  explicit Batch(size_t size) {
    for (size_t i = 0; i < kBatch; ++i) {
      parts[i] = {bytes[i].data(), size};
      messages[i].msg_hdr.msg_iov = &parts[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
  }

  std::array<std::array<char, kLargest>, kBatch> bytes{};
  std::array<iovec, kBatch> parts{};
  std::array<mmsghdr, kBatch> messages{};
};

[[noreturn]] void Receive(Counters& counters) {
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  SetBuffer(fd, SO_RCVBUFFORCE, SO_RCVBUF);
  const sockaddr_in at = Address("0.0.0.0", kPort);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof(at)) != 0) {
    Die("bind");
  }
  Batch batch(kLargest);
  while (true) {
    const int count =
        recvmmsg(fd, batch.messages.data(), kBatch, MSG_DONTWAIT, nullptr);
    if (count > 0) {
      counters.received += static_cast<uint64_t>(count);
    } else {
      std::this_thread::sleep_for(kReceiverNap);
    }
  }
}

[[noreturn]] void Send(Counters& counters, const Row& row) {
  std::vector<int> flows;
  const sockaddr_in to = Address(kServer, kPort);
  for (size_t i = 0; i < row.flows; ++i) {
    flows.push_back(socket(AF_INET, SOCK_DGRAM, 0));
    if (connect(flows.back(), reinterpret_cast<const sockaddr*>(&to),
                sizeof(to)) != 0) {
      Die("connect");
    }
  }
  Batch batch(row.payload);
  // Some packets of each flow at a time, so that flows alternate.
  const unsigned burst = row.flows == 1 ? kBatch : 8;
  const auto start = std::chrono::steady_clock::now();
  double due = 0;  // packets that should have been sent by now
  for (size_t next = 0;; next = (next + 1) % flows.size()) {
    const std::chrono::duration<double> gone(due / row.rate);
    while (std::chrono::steady_clock::now() - start < gone) {
    }
    due += burst;
    const int count = sendmmsg(flows[next], batch.messages.data(), burst, 0);
    counters.sent += count > 0 ? static_cast<uint64_t>(count) : 0;
  }
}

template <class Work>
pid_t StartOn(const std::string& run, const char* member, const Work& work) {
  const pid_t pid = fork();
  if (pid == 0) {
    PinTo(0, 0);
    if (const auto entered = Enter(run, member); !entered) {
      Die(entered.error().text);
    }
    work();
  }
  return pid;
}

/// User and system time of a process so far.
double CpuSeconds(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(file, text);
  std::istringstream fields(text.substr(text.rfind(')') + 2));
  std::string skipped;
  for (int i = 3; i < 14; ++i) {
    fields >> skipped;
  }
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

void Stop(pid_t pid) {
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
}

/// One row; returns packets per second and core.
double Measure(const RunSummary& run, const Row& row, double seconds,
               Counters& counters) {
  const pid_t receiver =
      StartOn(run.id, "server", [&counters] { Receive(counters); });
  const pid_t sender =
      StartOn(run.id, "inside", [&counters, &row] { Send(counters, row); });
  std::this_thread::sleep_for(std::chrono::milliseconds(500));  // settled
  const uint64_t sent = counters.sent;
  const uint64_t received = counters.received;
  const double cpu = CpuSeconds(*run.engine_pid);
  const auto start = std::chrono::steady_clock::now();
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  const std::chrono::duration<double> took =
      std::chrono::steady_clock::now() - start;
  const auto sent_now = static_cast<double>(counters.sent - sent);
  const auto received_now = static_cast<double>(counters.received - received);
  const double used = CpuSeconds(*run.engine_pid) - cpu;
  Stop(sender);
  Stop(receiver);
  const double per_core = used > 0 ? received_now / used : 0;
  std::cout << std::fixed << std::setprecision(0) << std::setw(8) << row.payload
            << std::setw(8) << row.flows << std::setw(12)
            << sent_now / took.count() << std::setw(12)
            << received_now / took.count() << std::setprecision(2)
            << std::setw(8) << used / took.count() << std::setw(11)
            << (per_core > 0 ? 1e6 / per_core : 0) << std::setprecision(0)
            << std::setw(15) << per_core << std::endl;
  return per_core;
}

double Option(int argc, char** argv, std::string_view name, double usual) {
  for (int i = 1; i + 1 < argc; ++i) {
    if (name == argv[i]) {
      return std::strtod(argv[i + 1], nullptr);
    }
  }
  return usual;
}

int Main(int argc, char** argv) {
  const double seconds = Option(argc, argv, "--seconds", 2);
  const double rate = Option(argc, argv, "--rate", 600'000);
  const double required = Option(argc, argv, "--require", 0);
  const auto scenario = ParseScenario(kScenario);
  if (!scenario) {
    Die(scenario.error().front().text);
  }
  const auto run = Up(*scenario, "", Lifetime::kWithCaller);
  if (!run) {
    Die(run.error().text);
  }
  PinTo(*run->engine_pid,
        static_cast<unsigned>(sysconf(_SC_NPROCESSORS_ONLN) - 1));
  void* shared = mmap(nullptr, sizeof(Counters), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  auto* counters = new (shared) Counters;
  std::cout << " payload   flows      sent/s  received/s    core  us/packet  "
               "packets/s/core\n";
  bool is_fast = true;
  for (Row row : {Row{64, 1}, Row{200, 1}, Row{1400, 1}, Row{64, 100},
                  Row{64, 1000}, Row{1400, 100}}) {
    row.rate = rate;
    is_fast = Measure(*run, row, seconds, *counters) >= required && is_fast;
  }
  if (const auto down = Down(run->id); !down) {
    Die(down.error().text);
  }
  return is_fast ? 0 : 1;
}

}  // namespace
}  // namespace natkit::netsim

int main(int argc, char** argv) {
  return natkit::netsim::Main(argc, argv);
}
