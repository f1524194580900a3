#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "command_support.h"
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

  /// The error says what is wrong with the system's trusted roots.
  [[nodiscard]] static Outcome<std::unique_ptr<RelayStreams>> Make(
      io::EventLoop& loop, const std::vector<mesh::RelayEntry>& relays,
      Handlers handlers);

  void Open(mesh::RelayId relay);
  void Close(mesh::RelayId relay);
  /// Takes bytes from `source` for every stream as long as it is writable.
  void Fill(const Source& source);

 private:
  RelayStreams(io::EventLoop& loop, std::vector<mesh::RelayEntry> relays,
               tls::ClientContext tls, Handlers handlers);
  void HandleClosed(mesh::RelayId relay, const shell::StreamEnd& end);

  io::EventLoop& loop_;
  std::vector<mesh::RelayEntry> relays_;
  tls::ClientContext tls_;
  Handlers handlers_;
  std::vector<uint8_t> buffer_;
  std::map<mesh::RelayId, std::unique_ptr<shell::StreamClient>> streams_;
};

}  // namespace natkit::meshnode
