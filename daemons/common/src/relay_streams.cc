#include "natkit/shell/relay_streams.h"

#include <utility>

#include "natkit/shell/secure_stream.h"

namespace natkit::shell {

namespace {

constexpr size_t kChunk = size_t{16} * 1024;

}  // namespace

RelayStreams::RelayStreams(io::EventLoop& loop, Handlers handlers,
                           uint32_t fwmark)
    : loop_(loop), handlers_(std::move(handlers)), buffer_(kChunk) {
  options_.tcp.fwmark = fwmark;
}

void RelayStreams::Open(Id relay, const tls::ClientContext& tls,
                        StreamTarget target) {
  streams_[relay] = std::make_unique<StreamClient>(
      loop_, tls, std::move(target),
      SecureStreamHandlers{
          .on_open =
              [this, relay](const PeerInfo& peer) {
                handlers_.on_open(relay, FastStartKey(peer));
              },
          .on_bytes = [this, relay](
                          ByteView bytes) { handlers_.on_bytes(relay, bytes); },
          .on_writable = [this, relay] { handlers_.on_writable(relay); },
          .on_closed = [this, relay](
                           const StreamEnd& end) { HandleClosed(relay, end); }},
      options_);
}

void RelayStreams::Close(Id relay) {
  streams_.erase(relay);
}

void RelayStreams::HandleClosed(Id relay, const StreamEnd& end) {
  // The handler's own copies of `this` and `relay` die with the stream.
  RelayStreams& self = *this;
  const Id id = relay;
  const std::string reason = end.ToString();
  self.streams_.erase(id);
  self.handlers_.on_closed(id, reason);
}

void RelayStreams::Fill(const Source& source) {
  for (auto& [relay, stream] : streams_) {
    while (stream->is_writable()) {
      const size_t size = source(relay, buffer_);
      if (size == 0) {
        break;
      }
      stream->Write(ByteView(buffer_).first(size));
    }
  }
}

}  // namespace natkit::shell
