#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/rng.h"
#include "natkit/base/time.h"
#include "natkit/nat/port_prediction.h"
#include "natkit/nat/stun_message.h"

namespace natkit::nat {

/// A Binding request to send from one of the sampled sockets.
struct SampleTransmit {
  Endpoint local;
  Endpoint to;
  std::vector<uint8_t> payload;
};

/// Asks STUN servers which external endpoints packets leave from, one new
/// mapping at a time, so that ForecastPorts() can tell how the NAT allocates
/// (nat.md 12.1).
///
/// Give it pairs of a socket and a server, each of which makes one mapping.
/// Each is asked 20 ms after the one before, and again after 400 ms, three
/// times at most; done when all have answered or failed. Pure and not
/// thread-safe; at most kMaxPortSamples pairs.
class PortSampler {
 public:
  explicit PortSampler(Rng& rng) : rng_(rng) {}

  /// False, and nothing changes, when there are kMaxPortSamples already.
  bool Add(Instant now, const Endpoint& local, const Endpoint& server);
  /// Takes an answer. False, without effect, if it is not one.
  bool HandleDatagram(Instant now, const Endpoint& local, const Endpoint& from,
                      ByteView datagram);
  void HandleTimeout(Instant now);

  [[nodiscard]] std::optional<SampleTransmit> PollTransmit();
  [[nodiscard]] std::optional<Instant> NextTimeout() const;

  /// Nothing is asked or awaited.
  [[nodiscard]] bool is_done() const;
  /// In the order in which they were sent.
  [[nodiscard]] std::vector<PortSample> samples() const;

 private:
  struct Question {
    PortSample sample;
    stun::TransactionId id;
    uint8_t sends = 0;
    Instant next;  ///< when to send again, or to give up
    bool is_over = false;
  };

  void Send(Instant now, Question& question);

  Rng& rng_;
  std::vector<Question> questions_;
  std::vector<SampleTransmit> out_;
  Instant next_send_{Instant::min()};
  Instant last_now_{};
};

}  // namespace natkit::nat
