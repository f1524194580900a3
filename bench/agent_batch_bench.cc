// Datagrams between two agents on this host's loopback address, one by one and
// in batches: the C API's calls and what the system does in them. CPU time of
// sending, of natkit_hub_process() and of receiving, each for one datagram.
// Turn by turn; prints medians as JSON. usage: agent_batch_bench [rounds].

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <vector>

#include "natkit/base/check.h"
#include "natkit/natkit.h"

namespace natkit {
namespace {

constexpr size_t kBatch = 64;

double CpuNanoseconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 +
         static_cast<double>(now.tv_nsec);
}

/// CPU time for one datagram.
struct Times {
  std::vector<double> send;
  std::vector<double> process;
  std::vector<double> receive;
};

double Median(std::vector<double>& values) {
  const auto middle =
      values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

/// A hub with one agent.
struct End {
  End() {
    natkit_hub_config config;
    natkit_init(&config);
    config.flags = NATKIT_HUB_LOOPBACK | NATKIT_HUB_NO_IPV6;
    NATKIT_CHECK(natkit_hub_new(&config, &hub) == NATKIT_OK);
    NATKIT_CHECK(natkit_agent_new(hub, nullptr, &agent) == NATKIT_OK);
  }

  ~End() {
    natkit_agent_free(agent);
    natkit_hub_free(hub);
  }

  End(const End&) = delete;
  End& operator=(const End&) = delete;

  void Tell(const End& other) const {
    std::array<char, NATKIT_DESCRIPTION_SIZE> text{};
    NATKIT_CHECK(natkit_agent_get_local_description(agent, text.data(),
                                                    text.size()) > 0);
    NATKIT_CHECK(natkit_agent_set_remote_description(other.agent,
                                                     text.data()) == NATKIT_OK);
  }

  void Process() const {
    NATKIT_CHECK(natkit_hub_process(hub) == NATKIT_OK);
    natkit_hub_event event;
    natkit_init(&event);
    while (natkit_hub_poll_event(hub, &event) == 1) {
    }
  }

  [[nodiscard]] bool IsDirect() const {
    natkit_path path;
    natkit_init(&path);
    NATKIT_CHECK(natkit_agent_get_path(agent, &path) == NATKIT_OK);
    return path.kind == NATKIT_PATH_DIRECT;
  }

  natkit_hub* hub = nullptr;
  natkit_agent* agent = nullptr;
};

class Exchange {
 public:
  explicit Exchange(size_t size)
      : memory_(kBatch * size),
        out_(kBatch),
        in_memory_(kBatch * 65536),
        in_(kBatch),
        agents_(kBatch) {
    for (size_t i = 0; i < kBatch; ++i) {
      out_[i].data = &memory_[i * size];
      out_[i].size = size;
    }
    a_.Tell(b_);
    b_.Tell(a_);
    while (!a_.IsDirect() || !b_.IsDirect()) {
      a_.Process();
      b_.Process();
    }
  }

  void Run(bool in_batches, Times& times) {
    const uint64_t before = Received();
    const double start = CpuNanoseconds();
    in_batches ? SendBatch() : SendSingly();
    const double sent = CpuNanoseconds();
    double processing = 0;
    while (Received() < before + kBatch) {
      const double began = CpuNanoseconds();
      NATKIT_CHECK(natkit_hub_process(b_.hub) == NATKIT_OK);
      processing += CpuNanoseconds() - began;
    }
    const double processed = CpuNanoseconds();
    in_batches ? ReceiveBatch() : ReceiveSingly();
    const double received = CpuNanoseconds();
    times.send.push_back((sent - start) / kBatch);
    times.process.push_back(processing / kBatch);
    times.receive.push_back((received - processed) / kBatch);
    a_.Process();
    b_.Process();
  }

 private:
  [[nodiscard]] uint64_t Received() const {
    natkit_hub_counters counters;
    natkit_init(&counters);
    NATKIT_CHECK(natkit_hub_get_counters(b_.hub, &counters) == NATKIT_OK);
    return counters.received;
  }

  void SendSingly() {
    for (const natkit_packet& packet : out_) {
      NATKIT_CHECK(natkit_agent_send(a_.agent, packet.data, packet.size) ==
                   NATKIT_OK);
    }
  }

  void SendBatch() {
    NATKIT_CHECK(natkit_agent_send_batch(a_.agent, out_.data(), kBatch) ==
                 static_cast<int>(kBatch));
  }

  void ReceiveSingly() {
    size_t count = 0;
    natkit_agent* agent = nullptr;
    size_t size = 0;
    while (natkit_hub_receive(b_.hub, &agent, in_memory_.data(), 65536,
                              &size) == 1) {
      ++count;
    }
    NATKIT_CHECK(count == kBatch);
  }

  void ReceiveBatch() {
    natkit_batch batch;
    natkit_init(&batch);
    batch.memory = in_memory_.data();
    batch.memory_size = in_memory_.size();
    batch.packets = in_.data();
    batch.packet_capacity = in_.size();
    NATKIT_CHECK(natkit_hub_receive_batch(b_.hub, &batch, agents_.data(),
                                          nullptr) == static_cast<int>(kBatch));
  }

  End a_;
  End b_;
  std::vector<uint8_t> memory_;
  std::vector<natkit_packet> out_;
  std::vector<uint8_t> in_memory_;
  std::vector<natkit_packet> in_;
  std::vector<natkit_agent*> agents_;
};

void Print(const char* how, size_t size, Times& times, const char* end) {
  std::printf(
      "  {\"how\": \"%s\", \"bytes\": %zu, \"send_ns\": %.0f, "
      "\"process_ns\": %.0f, \"receive_ns\": %.0f}%s\n",
      how, size, Median(times.send), Median(times.process),
      Median(times.receive), end);
}

void Compare(size_t size, int rounds, const char* end) {
  Exchange exchange(size);
  Times singly;
  Times batches;
  for (int i = 0; i < rounds; ++i) {
    exchange.Run(false, singly);
    exchange.Run(true, batches);
  }
  Print("singly", size, singly, ",");
  Print("batches of 64", size, batches, end);
}

}  // namespace
}  // namespace natkit

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 3000;
  std::puts("[");
  natkit::Compare(100, rounds, ",");
  natkit::Compare(1420, rounds, "");
  std::puts("]");
  return 0;
}
