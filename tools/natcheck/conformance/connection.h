#pragma once

#include <memory>

#include "trial.h"

namespace natkit::natcheck::conformance {

/// One TCP connection whose both ends are ours, segment by segment: no more
/// than the tests need of RFC 9293. Segments are sent until they arrive.
class Connection {
 public:
  /// Between inside host `host` and outside address `address`.
  explicit Connection(Trial& trial, size_t host = 0, size_t address = 0,
                      uint16_t outside_port = 0);

  /// The three-way handshake, begun inside. False if a segment got lost for
  /// good.
  Task<bool> Open();
  /// SYN from inside alone.
  Task<bool> SendSyn();
  /// SYN-ACK from outside, which goes to where the SYN came from.
  Task<bool> SendSynAck();
  /// Both send a SYN, and both acknowledge.
  Task<bool> OpenSimultaneously();
  /// One segment with a payload, from either side.
  Task<bool> SendData(Side from);
  /// The same with this payload; whether it arrived unchanged.
  Task<bool> SendBytes(Side from, std::vector<uint8_t> payload);
  /// A segment with these flags, from either side; moves its sequence number.
  Task<bool> SendFlags(Side from, uint8_t flags);
  /// FIN and ACK from both sides.
  Task<bool> Close();

  [[nodiscard]] Socket& inside() { return *inside_; }

  [[nodiscard]] Socket& outside() { return *outside_; }

  /// Where its segments come from, as seen outside; after SendSyn().
  [[nodiscard]] const Endpoint& mapped() const { return mapped_; }

  /// The last segment that was seen anywhere.
  [[nodiscard]] const Seen& last() const { return last_; }

  /// The last segment that was seen outside.
  [[nodiscard]] const Seen& last_outside() const { return last_outside_; }

 private:
  Task<bool> Transfer(Side from, uint8_t flags, std::vector<uint8_t> payload);

  [[nodiscard]] uint32_t& NextSequence(Side side) {
    return next_[static_cast<size_t>(side)];
  }

  Trial& trial_;
  std::unique_ptr<Socket> inside_;
  std::unique_ptr<Socket> outside_;
  Endpoint mapped_;
  Seen last_;
  Seen last_outside_;
  uint32_t next_[2];  ///< by Side
};

}  // namespace natkit::natcheck::conformance
