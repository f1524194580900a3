// What the C API costs over C++: batches of packets are sealed and opened
// through both in one process, turn by turn, in CPU time of the thread. Prints
// medians and their ratio as JSON; usage: c_door_bench [rounds].

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <span>
#include <vector>

#include "natkit/base/check.h"
#include "natkit/natkit.h"
#include "wg_net.h"

namespace natkit {
namespace {

constexpr size_t kBatch = 64;

/// Each has stack and heap at other places: how they lie to one another changes
/// times by some percent, of both sides and at random.
constexpr size_t kTrials = 32;
constexpr size_t kStackStep = 4096 / kTrials;
constexpr uint64_t kWallClock = 1'700'000'000 * NATKIT_SECOND;

double CpuNanoseconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 +
         static_cast<double>(now.tv_nsec);
}

template <class Work>
double Measure(Work&& work) {
  const double start = CpuNanoseconds();
  work();
  return CpuNanoseconds() - start;
}

/// Calls `work` with the stack `offset` bytes further down.
template <class Work>
void AtStackOffset(size_t offset, Work&& work) {
  auto* place = static_cast<volatile char*>(__builtin_alloca(offset + 1));
  place[0] = 0;
  work();
}

/// Two devices of libwg with a session.
class CppPair {
 public:
  explicit CppPair(size_t size) {
    net_.Introduce(0, 1);
    net_.Introduce(1, 0);
    net_.SendData(0, 1);
    net_.Run(std::chrono::milliseconds(100));
    for (size_t i = 0; i < kBatch; ++i) {
      plain_.AppendCopy(
          testing::MakeIpv4(net_.node(0).inner, net_.node(1).inner, size), {});
    }
  }

  void Seal() {
    sealed_.Clear();
    net_.node(0).device.SendPackets(net_.now(), plain_, sealed_);
  }

  void Open() {
    opened_.Clear();
    net_.node(1).device.HandleDatagrams(net_.now(), sealed_, opened_, replies_);
  }

  void Address() {
    for (size_t i = 0; i < sealed_.size(); ++i) {
      sealed_.mutable_meta(i).remote = net_.node(0).endpoint;
    }
  }

  [[nodiscard]] size_t opened() const { return opened_.size(); }

 private:
  testing::WgNet net_{2};
  PacketBatch plain_;
  PacketBatch sealed_;
  PacketBatch opened_;
  PacketBatch replies_;
};

/// A caller's batch with its memory.
struct Room {
  explicit Room(size_t displacement = 0)
      : before(displacement), memory((kBatch + 4) * 1500), packets(kBatch + 4) {
    natkit_init(&batch);
    batch.memory = memory.data();
    batch.memory_size = memory.size();
    batch.packets = packets.data();
    batch.packet_capacity = packets.size();
  }

  void Clear() {
    batch.memory_used = 0;
    batch.packet_count = 0;
  }

  std::vector<uint8_t> before;  ///< moves what comes behind
  std::vector<uint8_t> memory;
  std::vector<natkit_packet> packets;
  natkit_batch batch;
};

/// Two devices of the C API with a session.
class CPair {
 public:
  CPair(size_t size, Rng& rng)
      : sealed_(rng.Below(8192)), opened_(rng.Below(8192)) {
    for (size_t i = 0; i < 2; ++i) {
      natkit_key_generate(nullptr, keys_[i].data());
      Make(i);
    }
    Introduce(0, 1);
    Introduce(1, 0);
    const auto inner = [](size_t i) {
      return IpAddress::V4(10, 0, 0, static_cast<uint8_t>(i + 1));
    };
    bytes_ = testing::MakeIpv4(inner(0), inner(1), size);
    Establish();
    for (size_t i = 0; i < kBatch; ++i) {  // one behind the other, as in C++
      copies_.insert(copies_.end(), bytes_.begin(), bytes_.end());
    }
    for (size_t i = 0; i < kBatch; ++i) {
      plain_.push_back(PacketOf(std::span(copies_).subspan(i * size, size)));
    }
  }

  ~CPair() {
    natkit_wg_device_free(devices_[0]);
    natkit_wg_device_free(devices_[1]);
  }

  CPair(const CPair&) = delete;
  CPair& operator=(const CPair&) = delete;

  void Seal() {
    sealed_.Clear();
    NATKIT_CHECK(natkit_wg_device_send_packets(devices_[0], 0, plain_.data(),
                                               plain_.size(),
                                               &sealed_.batch) == NATKIT_OK);
  }

  void Open() { Deliver(1, sealed_, replies_); }

  void Address() {
    for (size_t i = 0; i < sealed_.batch.packet_count; ++i) {
      sealed_.packets[i].remote = AddressOf(0);
    }
  }

  [[nodiscard]] size_t opened() const { return opened_.batch.packet_count; }

 private:
  static natkit_address AddressOf(size_t i) {
    return {.family = NATKIT_FAMILY_IPV4,
            .ip = {192, 0, 2, static_cast<uint8_t>(i + 1)},
            .reserved = 0,
            .port = 51820};
  }

  static natkit_packet PacketOf(MutableBytes bytes) {
    natkit_packet packet{};
    packet.data = bytes.data();
    packet.size = bytes.size();
    return packet;
  }

  void Make(size_t i) {
    natkit_wg_device_config config;
    natkit_init(&config);
    config.wall_clock_ns = kWallClock;
    std::ranges::copy(keys_[i], config.private_key);
    NATKIT_CHECK(natkit_wg_device_new(&config, &devices_[i]) == NATKIT_OK);
  }

  void Introduce(size_t to, size_t peer) {
    natkit_prefix prefix{};
    prefix.address = AddressOf(0);
    const std::array<uint8_t, 4> inner = {10, 0, 0,
                                          static_cast<uint8_t>(peer + 1)};
    std::ranges::copy(inner, prefix.address.ip);
    prefix.length = 32;
    natkit_wg_peer_config config;
    natkit_init(&config);
    natkit_key_get_public(keys_[peer].data(), config.public_key);
    config.allowed_ips = &prefix;
    config.allowed_ip_count = 1;
    config.endpoint = AddressOf(peer);
    NATKIT_CHECK(natkit_wg_device_set_peer(devices_[to], 0, &config, nullptr) ==
                 NATKIT_OK);
  }

  void Deliver(size_t to, const Room& from, Room& replies) {
    opened_.Clear();
    NATKIT_CHECK(natkit_wg_device_handle_datagrams(
                     devices_[to], 0, from.packets.data(),
                     from.batch.packet_count, &opened_.batch,
                     &replies.batch) == NATKIT_OK);
  }

  void Establish() {
    const natkit_packet first = PacketOf(bytes_);
    NATKIT_CHECK(natkit_wg_device_send_packets(devices_[0], 0, &first, 1,
                                               &sealed_.batch) == NATKIT_OK);
    for (size_t i = 0; i < 3; ++i) {
      Room& from = i % 2 == 0 ? sealed_ : replies_;
      Room& to = i % 2 == 0 ? replies_ : sealed_;
      for (natkit_packet& packet : from.packets) {
        packet.remote = AddressOf(i % 2);
      }
      to.Clear();
      Deliver(1 - i % 2, from, to);
    }
    NATKIT_CHECK(opened() == 1);
  }

  std::array<std::array<uint8_t, NATKIT_KEY_SIZE>, 2> keys_{};
  std::array<natkit_wg_device*, 2> devices_{};
  std::vector<uint8_t> bytes_;
  std::vector<uint8_t> copies_;
  std::vector<natkit_packet> plain_;
  Room sealed_;
  Room opened_;
  Room replies_;
};

double Median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<long>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

struct Times {
  std::vector<double> seal;
  std::vector<double> open;
};

template <class Pair>
void RunOnce(Pair& pair, Times& times) {
  times.seal.push_back(Measure([&] { pair.Seal(); }));
  pair.Address();
  times.open.push_back(Measure([&] { pair.Open(); }));
  NATKIT_CHECK(pair.opened() == kBatch);
}

/// Medians of one trial, in nanoseconds for each packet.
struct Trial {
  double cpp;
  double c;
};

void Print(const char* work, size_t size, const std::vector<Trial>& trials,
           const char* after) {
  std::vector<double> cpp;
  std::vector<double> c;
  std::vector<double> ratios;
  for (const Trial& trial : trials) {
    cpp.push_back(trial.cpp);
    c.push_back(trial.c);
    ratios.push_back(trial.c / trial.cpp);
  }
  std::ranges::sort(ratios);
  std::printf(
      "  {\"work\": \"%s\", \"size\": %zu, \"cpp_ns\": %.1f, \"c_ns\": %.1f, "
      "\"ratio\": %.4f, \"low\": %.4f, \"high\": %.4f}%s\n",
      work, size, Median(cpp), Median(c), Median(ratios),
      ratios[ratios.size() / 10], ratios[ratios.size() * 9 / 10], after);
}

/// Runs both, turn by turn.
void RunRounds(CppPair& cpp, CPair& c, size_t rounds, Times& of_cpp,
               Times& of_c) {
  for (size_t i = 0; i < rounds; ++i) {
    if (i % 2 == 0) {
      RunOnce(cpp, of_cpp);
      RunOnce(c, of_c);
    } else {
      RunOnce(c, of_c);
      RunOnce(cpp, of_cpp);
    }
  }
}

void RunSize(size_t size, size_t rounds, const char* after) {
  std::vector<Trial> seals;
  std::vector<Trial> opens;
  SeededRng rng(size);
  for (size_t trial = 0; trial < kTrials; ++trial) {
    const std::vector<uint8_t> before(rng.Below(8192));
    CppPair cpp(size);
    const std::vector<uint8_t> between(rng.Below(8192));
    CPair c(size, rng);
    Times of_cpp;
    Times of_c;
    AtStackOffset(trial * kStackStep,
                  [&] { RunRounds(cpp, c, rounds, of_cpp, of_c); });
    seals.push_back({Median(of_cpp.seal) / kBatch, Median(of_c.seal) / kBatch});
    opens.push_back({Median(of_cpp.open) / kBatch, Median(of_c.open) / kBatch});
  }
  Print("seal", size, seals, ",");
  Print("open", size, opens, after);
}

}  // namespace
}  // namespace natkit

int main(int argc, char** argv) {
  const size_t rounds = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 500;
  if (rounds == 0) {
    std::fputs("usage: c_door_bench [rounds]\n", stderr);
    return 2;
  }
  std::puts("[");
  natkit::RunSize(64, rounds, ",");
  natkit::RunSize(1420, rounds, "");
  std::puts("]");
  return 0;
}
