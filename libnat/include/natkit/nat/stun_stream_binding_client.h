#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/rng.h"
#include "natkit/base/time.h"
#include "natkit/nat/stun_binding_client.h"
#include "natkit/nat/stun_stream_framer.h"

namespace natkit::stun {

/// A BindingClient over TCP or TLS (RFC 8489 section 6.2.2): one request at a
/// time, no retransmits, 39.5 s for each answer.
///
/// Life: open a stream to server(), Start(), then write what PollBytes() yields
/// and feed what comes. An event ends it; the stream may stay open for another
/// Start(). After kRedirected the next Start() wants a stream to the event's
/// `alternate_server`. Pure; not thread-safe.
class StreamBindingClient {
 public:
  /// Longer messages of a server are an error.
  static constexpr size_t kMaxMessageSize = 8192;

  /// As BindingClient; transport and schedule of `config` do not count.
  StreamBindingClient(const Endpoint& server, Rng& rng,
                      BindingConfig config = {});

  // Inputs. After each one, drain all outputs.
  /// The stream is open. What an earlier stream left behind is dropped.
  void Start(Instant now);
  void HandleBytes(Instant now, ByteView bytes);
  /// The stream ended or broke.
  void HandleClosed(Instant now);
  void HandleTimeout(Instant now);

  // Outputs.
  /// Bytes to write to the stream.
  [[nodiscard]] std::optional<std::vector<uint8_t>> PollBytes();
  [[nodiscard]] std::optional<BindingEvent> PollEvent();
  /// When to call HandleTimeout next; nullopt once finished.
  [[nodiscard]] std::optional<Instant> NextTimeout() const;

  /// Whom the stream is to: as constructed, or where a redirect pointed.
  [[nodiscard]] const Endpoint& server() const { return client_.server(); }

 private:
  void Lose(Instant now);

  BindingClient client_;
  StreamFramer framer_{kMaxMessageSize};
  std::optional<BindingEvent> lost_;
  Instant last_now_;
};

}  // namespace natkit::stun
