// The least a UDP server can do for STUN: receive a batch, copy the transaction
// ID, write the source address, send the batch. It validates nothing, limits
// nothing and counts nothing; bench/stunsrv_bench.py measures others by it.
//
// Usage: stun_bare_loop PORT (on 127.0.0.1); ends by a signal.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

constexpr size_t kBatch = 64;
constexpr size_t kResponseSize = 32;

struct Batch {
  std::array<std::array<uint8_t, 2048>, kBatch> buffers{};
  std::array<sockaddr_in, kBatch> names{};
  std::array<iovec, kBatch> pieces{};
  std::array<mmsghdr, kBatch> headers{};
};

void Arm(Batch& batch, size_t index) {
  batch.pieces[index] = {batch.buffers[index].data(),
                         batch.buffers[index].size()};
  msghdr& header = batch.headers[index].msg_hdr;
  header.msg_name = &batch.names[index];
  header.msg_namelen = sizeof(sockaddr_in);
  header.msg_iov = &batch.pieces[index];
  header.msg_iovlen = 1;
}

void TurnIntoResponse(Batch& batch, size_t index) {
  auto& buffer = batch.buffers[index];
  const sockaddr_in& name = batch.names[index];
  static constexpr std::array<uint8_t, 8> kAttribute = {0, 0x20, 0, 8, 0, 1};
  buffer[0] = 1;
  buffer[1] = 1;
  buffer[2] = 0;
  buffer[3] = 12;
  std::memcpy(&buffer[20], kAttribute.data(), kAttribute.size());
  const auto port = static_cast<uint16_t>(name.sin_port ^ htons(0x2112));
  const uint32_t address = name.sin_addr.s_addr ^ htonl(0x2112A442);
  std::memcpy(&buffer[26], &port, sizeof port);
  std::memcpy(&buffer[28], &address, sizeof address);
  batch.pieces[index].iov_len = kResponseSize;
}

[[noreturn]] void Serve(int fd, Batch& batch) {
  for (;;) {
    for (size_t i = 0; i < kBatch; ++i) {
      Arm(batch, i);
    }
    const int count =
        recvmmsg(fd, batch.headers.data(), kBatch, MSG_WAITFORONE, nullptr);
    for (int i = 0; i < count; ++i) {
      TurnIntoResponse(batch, static_cast<size_t>(i));
    }
    for (int sent = 0; sent < count;) {
      const int now = sendmmsg(fd, &batch.headers[static_cast<size_t>(sent)],
                               static_cast<unsigned>(count - sent), 0);
      sent += now > 0 ? now : 1;
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  sockaddr_in local{};
  local.sin_family = AF_INET;
  local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  local.sin_port = htons(static_cast<uint16_t>(argc > 1 ? atoi(argv[1]) : 0));
  const int size = 4 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&local), sizeof local) != 0) {
    std::perror("stun_bare_loop: bind");
    return 1;
  }
  std::fputs("listening\n", stderr);
  static Batch batch;
  Serve(fd, batch);
}
