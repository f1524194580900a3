#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "commands/command_support.h"
#include "natkit/io/event_loop.h"
#include "natkit/mesh/mesh_file.h"
#include "natkit/mesh/node_event.h"
#include "natkit/shell/relay_streams.h"
#include "natkit/tls/context.h"

namespace natkit::meshnode {

/// The mesh's relays, and the streams to them.
class RelayStreams {
 public:
  using Handlers = shell::RelayStreams::Handlers;
  using Source = shell::RelayStreams::Source;

  /// The relays by the engine's numbers for them.
  using Relays = std::map<mesh::RelayId, mesh::RelayEntry>;

  /// `fwmark`: of all streams (SO_MARK); 0: none.
  RelayStreams(io::EventLoop& loop, Handlers handlers, uint32_t fwmark)
      : streams_(loop, std::move(handlers), fwmark) {}

  /// Streams that exist go on. The error says what is wrong with the system's
  /// trusted roots; nothing has changed then.
  [[nodiscard]] Outcome<void> SetRelays(Relays relays);

  [[nodiscard]] const Relays& relays() const { return relays_; }

  /// `stream` as mesh::RelayConnect names it.
  void Open(mesh::RelayId stream);

  void Close(mesh::RelayId stream) { streams_.Close(stream); }

  /// Takes bytes from `source` for every stream as long as it is writable.
  void Fill(const Source& source) { streams_.Fill(source); }

 private:
  Relays relays_;
  std::optional<tls::ClientContext> tls_;
  shell::RelayStreams streams_;
};

}  // namespace natkit::meshnode
