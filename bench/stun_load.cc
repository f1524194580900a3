// Sends STUN Binding requests at a steady rate from many sources on loopback
// and counts the answers; bench/stunsrv_bench.py runs it.
//
// Usage: stun_load PORT REQUESTS RATE SOURCES SIZE ROW
// SOURCES sockets, bound to as many addresses of 127.1.0.0/16, send REQUESTS
// requests of SIZE bytes (20, or more with a filler) to 127.0.0.1:PORT, ROW at
// a time from each, RATE a second, in bursts each millisecond; where the
// machine is too slow for that, no more than a window of them is on the way.
// Prints "SENT ANSWERED RESPONSE_SIZE".

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kBatch = 64;
/// Requests that wait for their answers at most: fewer than fit any buffer.
constexpr uint64_t kWindow = 200;

struct Options {
  uint16_t port = 0;
  uint64_t requests = 0;
  uint64_t rate = 0;
  size_t sources = 0;
  size_t size = 20;
  /// Requests that one source sends in a row.
  uint64_t row = 4;
};

int OpenSource(size_t index, uint16_t port) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  sockaddr_in local{};
  local.sin_family = AF_INET;
  local.sin_addr.s_addr =
      htonl(0x7F010000U + 1U + static_cast<uint32_t>(index));
  sockaddr_in server{};
  server.sin_family = AF_INET;
  server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  server.sin_port = htons(port);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&local), sizeof local) != 0 ||
      connect(fd, reinterpret_cast<const sockaddr*>(&server), sizeof server) !=
          0) {
    std::perror("stun_load");
    std::exit(1);
  }
  return fd;
}

class Load {
 public:
  explicit Load(const Options& options) : options_(options) {
    for (size_t i = 0; i < options.sources; ++i) {
      sources_.push_back(OpenSource(i, options.port));
    }
    request_.resize(options.size);
    const auto length = static_cast<uint16_t>(options.size - 20);
    const std::array<uint8_t, 8> header = {0,
                                           1,
                                           static_cast<uint8_t>(length >> 8U),
                                           static_cast<uint8_t>(length & 255U),
                                           0x21,
                                           0x12,
                                           0xA4,
                                           0x42};
    std::memcpy(request_.data(), header.data(), header.size());
    if (length >= 4) {
      request_[20] = 0xDA;  // a comprehension-optional filler
      request_[21] = 0x70;
      request_[22] = static_cast<uint8_t>((length - 4U) >> 8U);
      request_[23] = static_cast<uint8_t>((length - 4U) & 255U);
    }
  }

  void Run() {
    const auto start = Clock::now();
    while (sent_ < options_.requests) {
      const auto elapsed = Clock::now() - start;
      const auto due = std::min(
          options_.requests,
          static_cast<uint64_t>(std::chrono::duration<double>(elapsed).count() *
                                static_cast<double>(options_.rate)));
      while (sent_ < due && HasRoom()) {
        Send(std::min(due - sent_, options_.row));
      }
      Collect();
      if (HasRoom()) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    }
    for (int quiet = 0; quiet < 50 && answered_ < sent_; ++quiet) {
      const uint64_t before = answered_;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      Collect();
      quiet = answered_ > before ? 0 : quiet;
    }
    std::printf("%llu %llu %zu\n", static_cast<unsigned long long>(sent_),
                static_cast<unsigned long long>(answered_), response_size_);
  }

 private:
  /// What is not answered for long is lost, and waited for no more.
  bool HasRoom() {
    const auto now = Clock::now();
    if (answered_ + lost_ + kWindow > sent_) {
      last_room_ = now;
    } else if (now - last_room_ > std::chrono::milliseconds(100)) {
      lost_ = sent_ - answered_;
    }
    return answered_ + lost_ + kWindow > sent_;
  }

  /// A few requests from the next source.
  void Send(uint64_t count) {
    const int fd = sources_[next_++ % sources_.size()];
    for (uint64_t i = 0; i < count; ++i) {
      const uint64_t id = sent_ * 0x9E3779B97F4A7C15U;
      std::memcpy(&request_[8], &id, sizeof id);
      if (send(fd, request_.data(), request_.size(), 0) >= 0) {
        ++sent_;
      }
    }
  }

  void Collect() {
    std::array<iovec, kBatch> pieces;
    std::array<mmsghdr, kBatch> headers{};
    for (size_t i = 0; i < kBatch; ++i) {
      pieces[i] = {buffers_[i].data(), buffers_[i].size()};
      headers[i].msg_hdr.msg_iov = &pieces[i];
      headers[i].msg_hdr.msg_iovlen = 1;
    }
    for (const int fd : sources_) {
      int count = 0;
      while ((count = recvmmsg(fd, headers.data(), kBatch, MSG_DONTWAIT,
                               nullptr)) > 0) {
        answered_ += static_cast<uint64_t>(count);
        response_size_ = headers[0].msg_len;
      }
    }
  }

  Options options_;
  std::vector<int> sources_;
  std::vector<uint8_t> request_;
  std::array<std::array<uint8_t, 256>, kBatch> buffers_{};
  size_t next_ = 0;
  uint64_t sent_ = 0;
  uint64_t answered_ = 0;
  uint64_t lost_ = 0;
  Clock::time_point last_room_ = Clock::now();
  size_t response_size_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) {
    std::fputs("usage: stun_load PORT REQUESTS RATE SOURCES SIZE ROW\n",
               stderr);
    return 2;
  }
  const auto number = [argv](int index) {
    return std::strtoull(argv[index], nullptr, 10);
  };
  const Options options{.port = static_cast<uint16_t>(number(1)),
                        .requests = number(2),
                        .rate = number(3),
                        .sources = number(4),
                        .size = number(5),
                        .row = number(6)};
  if (options.sources == 0 || options.size < 20 || options.size > 1400 ||
      options.size % 4 != 0 || options.row == 0) {
    std::fputs("stun_load: bad SOURCES, SIZE or ROW\n", stderr);
    return 2;
  }
  Load(options).Run();
}
