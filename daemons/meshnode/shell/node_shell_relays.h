#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "commands/command_support.h"
#include "natkit/base/bytes.h"
#include "natkit/base/keys.h"
#include "natkit/io/event_loop.h"
#include "natkit/mesh/mesh_file.h"
#include "natkit/mesh/node_event.h"
#include "natkit/shell/stream_client.h"
#include "natkit/tls/context.h"

namespace natkit::meshnode {

/// The streams to the mesh's relays. Opens, closes and carries bytes; when and
/// which is the engine's business.
class RelayStreams {
 public:
  struct Handlers {
    std::function<void(mesh::RelayId relay,
                       const std::optional<PublicKey>& server_key)>
        on_open;
    std::function<void(mesh::RelayId relay, ByteView bytes)> on_bytes;
    std::function<void(mesh::RelayId relay)> on_writable;
    std::function<void(mesh::RelayId relay, const std::string& reason)>
        on_closed;
  };

  /// Fills a buffer with the next bytes for a relay; returns their number.
  using Source = std::function<size_t(mesh::RelayId relay, MutableBytes out)>;

  /// The relays by the engine's numbers for them.
  using Relays = std::map<mesh::RelayId, mesh::RelayEntry>;

  /// `fwmark`: of all streams (SO_MARK); 0: none.
  RelayStreams(io::EventLoop& loop, Handlers handlers, uint32_t fwmark);

  /// Streams that exist go on. The error says what is wrong with the system's
  /// trusted roots; nothing has changed then.
  [[nodiscard]] Outcome<void> SetRelays(Relays relays);

  [[nodiscard]] const Relays& relays() const { return relays_; }

  /// `stream` as mesh::RelayConnect names it.
  void Open(mesh::RelayId stream);
  void Close(mesh::RelayId stream);
  /// Takes bytes from `source` for every stream as long as it is writable.
  void Fill(const Source& source);

 private:
  void HandleClosed(mesh::RelayId relay, const shell::StreamEnd& end);

  io::EventLoop& loop_;
  Handlers handlers_;
  shell::StreamClientOptions stream_options_;
  Relays relays_;
  std::optional<tls::ClientContext> tls_;
  std::vector<uint8_t> buffer_;
  std::map<mesh::RelayId, std::unique_ptr<shell::StreamClient>> streams_;
};

}  // namespace natkit::meshnode
