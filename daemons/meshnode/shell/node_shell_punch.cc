#include "shell/node_shell_punch.h"

#include <utility>

namespace natkit::meshnode {

std::vector<Endpoint> PunchSockets::Open(const mesh::SocketsOpen& command,
                                         uint32_t fwmark) {
  std::vector<Endpoint> opened;
  for (uint32_t i = 0; i < command.count; ++i) {
    auto socket =
        io::UdpSocket::Bind(loop_, {command.address, 0}, {.fwmark = fwmark});
    if (!socket) {
      break;  // out of descriptors, or the address is gone
    }
    const Endpoint local = socket->local_endpoint();
    socket->SetReceiveHandler(on_receive_);
    sockets_.emplace(local, std::move(*socket));
    opened.push_back(local);
  }
  return opened;
}

void PunchSockets::Close(const mesh::SocketsClose& command) {
  for (const Endpoint& local : command.sockets) {
    sockets_.erase(local);
  }
}

template <class SendOne>
const PacketBatch& PunchSockets::Split(const PacketBatch& batch,
                                       SendOne send_one) {
  if (sockets_.empty()) {
    return batch;
  }
  rest_.Clear();
  for (size_t i = 0; i < batch.size(); ++i) {
    const PacketBatch::Meta& meta = batch.meta(i);
    const auto found = sockets_.find(meta.local);
    if (found == sockets_.end()) {
      rest_.AppendCopy(batch.bytes(i), meta);
    } else {
      send_one(found->second, meta, batch.bytes(i));
    }
  }
  return rest_;
}

const PacketBatch& PunchSockets::Send(const PacketBatch& batch) {
  return Split(batch,
               [](io::UdpSocket& socket, const PacketBatch::Meta& meta,
                  ByteView bytes) { socket.SendTo(meta.remote, bytes); });
}

const PacketBatch& PunchSockets::SendOpeners(const PacketBatch& batch) {
  return Split(batch, [](io::UdpSocket& socket, const PacketBatch::Meta& meta,
                         ByteView bytes) {
    socket.SendWithHopLimit(meta.remote, bytes, meta.local.address,
                            static_cast<uint8_t>(meta.tag));
  });
}

}  // namespace natkit::meshnode
