#include "shell/node_shell_relays.h"

#include <algorithm>
#include <utility>

#include "natkit/shell/files.h"
#include "natkit/shell/secure_stream.h"

namespace natkit::meshnode {

namespace {

constexpr size_t kChunk = size_t{16} * 1024;

Outcome<tls::ClientContext> MakeTls(const RelayStreams::Relays& relays) {
  tls::ClientOptions options;
  const bool needs_roots = std::ranges::any_of(relays, [](const auto& relay) {
    return !relay.second.is_plain && relay.second.pin.empty();
  });
  if (needs_roots) {
    auto roots = shell::ReadSystemRoots();
    if (!roots) {
      return std::unexpected(roots.error());
    }
    options.roots_pem = std::move(*roots);
  }
  auto context = tls::ClientContext::Make(options);
  if (!context) {
    return std::unexpected("cannot use the system's trusted roots: " +
                           DescribeError(context.error().code));
  }
  return std::move(*context);
}

}  // namespace

RelayStreams::RelayStreams(io::EventLoop& loop, Handlers handlers,
                           uint32_t fwmark)
    : loop_(loop), handlers_(std::move(handlers)), buffer_(kChunk) {
  stream_options_.tcp.fwmark = fwmark;
}

Outcome<void> RelayStreams::SetRelays(Relays relays) {
  auto tls = MakeTls(relays);
  if (!tls) {
    return std::unexpected(tls.error());
  }
  tls_ = std::move(*tls);
  relays_ = std::move(relays);
  return {};
}

void RelayStreams::Open(mesh::RelayId relay) {
  const mesh::RelayEntry& entry = relays_.at(mesh::RelayOf(relay));
  streams_[relay] = std::make_unique<shell::StreamClient>(
      loop_, *tls_,
      shell::StreamTarget{.host = entry.host,
                          .port = entry.port,
                          .certificate_name = entry.pin,
                          .is_plain = entry.is_plain},
      shell::SecureStreamHandlers{
          .on_open =
              [this, relay](const shell::PeerInfo& peer) {
                handlers_.on_open(relay, shell::FastStartKey(peer));
              },
          .on_bytes = [this, relay](
                          ByteView bytes) { handlers_.on_bytes(relay, bytes); },
          .on_writable = [this, relay] { handlers_.on_writable(relay); },
          .on_closed =
              [this, relay](const shell::StreamEnd& end) {
                HandleClosed(relay, end);
              }},
      stream_options_);
}

void RelayStreams::Close(mesh::RelayId relay) {
  streams_.erase(relay);
}

void RelayStreams::HandleClosed(mesh::RelayId relay,
                                const shell::StreamEnd& end) {
  // The handler's own copies of `this` and `relay` die with the stream.
  RelayStreams& self = *this;
  const mesh::RelayId id = relay;
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

}  // namespace natkit::meshnode
