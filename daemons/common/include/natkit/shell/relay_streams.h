#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/keys.h"
#include "natkit/io/event_loop.h"
#include "natkit/shell/stream_client.h"
#include "natkit/tls/context.h"

namespace natkit::shell {

/// The streams to some relays. Opens, closes and carries bytes; when and which
/// is the business of the core that they are for.
class RelayStreams {
 public:
  /// Names a stream as the core does.
  using Id = uint32_t;

  /// None is called inside a call into this.
  struct Handlers {
    /// The key is that of the relay's meta certificate (FastStartKey()).
    std::function<void(Id relay, const std::optional<PublicKey>& server_key)>
        on_open;
    std::function<void(Id relay, ByteView bytes)> on_bytes;
    std::function<void(Id relay)> on_writable;
    std::function<void(Id relay, const std::string& reason)> on_closed;
  };

  /// Fills a buffer with the next bytes for a relay; returns their number.
  using Source = std::function<size_t(Id relay, MutableBytes out)>;

  /// `fwmark`: of all streams (SO_MARK); 0: none.
  RelayStreams(io::EventLoop& loop, Handlers handlers, uint32_t fwmark);

  /// Connects. A stream of this name that exists is dropped.
  void Open(Id relay, const tls::ClientContext& tls, StreamTarget target);
  void Close(Id relay);
  /// Takes bytes from `source` for every stream as long as it is writable.
  void Fill(const Source& source);

 private:
  void HandleClosed(Id relay, const StreamEnd& end);

  io::EventLoop& loop_;
  Handlers handlers_;
  StreamClientOptions options_;
  std::vector<uint8_t> buffer_;
  std::map<Id, std::unique_ptr<StreamClient>> streams_;
};

}  // namespace natkit::shell
