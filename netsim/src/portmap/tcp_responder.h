#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"
#include "natkit/netsim/packet.h"

namespace natkit::netsim::portmap {

/// Sizes of a TcpResponder.
struct TcpLimits {
  size_t connections = 32;
  size_t input = 32768;     ///< bytes of one request; the receive window
  uint16_t max_mss = 1460;  ///< of what we send and ask for
};

/// A TCP that accepts connections, reads one request from each, sends one
/// response and closes (RFC 9293, the passive half).
///
/// The box is a pure machine in virtual time and speaks IP packets; a TCP
/// library brings sockets or its own clock and threads, so none fits. This one
/// does what a request of a few kilobytes on a LAN needs: segments in order
/// (others are asked for again), retransmission with doubling timeouts, zero
/// window probes, FIN from either end, simultaneous close, TIME-WAIT. No
/// window scaling, SACK, urgent data or congestion control beyond a window of
/// ten segments that a timeout shrinks to one (RFC 6928).
///
/// Bounded: a connection has `limits.input` bytes of input and one response;
/// when the table is full, a connection that waits to end, else one that has
/// not been established, makes room for a new one. A connection that makes no
/// progress for 30 seconds is reset. Initial sequence numbers come from the
/// clock and the endpoints (RFC 9293 section 3.4.1) without a secret: equal
/// inputs give equal outputs.
class TcpResponder {
 public:
  struct Request {
    Endpoint client;
    Endpoint server;
    ByteView bytes;       ///< all that has come
    bool is_all = false;  ///< no more will: FIN, or the buffer is full
  };

  /// The response once the request is complete; nothing while it is not. If
  /// it `is_all`, nothing means to close without a response.
  using Handler =
      std::function<std::optional<std::vector<uint8_t>>(Instant, Request)>;

  TcpResponder(const TcpLimits& limits, Handler handler);

  /// A segment to a port of ours; its checksum is right.
  void HandleSegment(Instant now, ByteView packet, const PacketInfo& info);
  [[nodiscard]] std::optional<std::vector<uint8_t>> PollTransmit();
  [[nodiscard]] std::optional<Instant> NextTimeout() const;
  void HandleTimeout(Instant now);
  /// Forgets all connections; their peers learn by the RST that comes back.
  void Reset();

  [[nodiscard]] size_t connection_count() const { return connections_.size(); }

 private:
  enum class State : uint8_t {
    kSynReceived,
    kEstablished,  ///< until both FINs have been acknowledged
    kTimeWait,
  };

  struct Connection {
    State state = State::kSynReceived;
    uint32_t initial = 0;         ///< our initial sequence number
    uint32_t unacknowledged = 0;  ///< SND.UNA
    uint32_t next = 0;            ///< SND.NXT
    uint32_t highest = 0;         ///< the most that SND.NXT has been
    uint32_t expected = 0;        ///< RCV.NXT
    uint32_t peer_window = 0;
    size_t mss = 536;
    size_t congestion_window = 0;
    bool has_response = false;  ///< then FIN follows `output`
    bool has_peer_fin = false;
    std::vector<uint8_t> input;
    std::vector<uint8_t> output;
    Duration timeout{};  ///< RTO
    int retransmissions = 0;
    Instant retransmit_at = Instant::max();
    Instant give_up_at = Instant::max();  ///< or leave TIME-WAIT
  };

  /// Client and server endpoint.
  using Key = std::pair<Endpoint, Endpoint>;
  using Table = std::map<Key, Connection>;

  struct Segment;

  void Open(Instant now, const Key& key, const Segment& segment);
  [[nodiscard]] bool MakeRoom();
  void Receive(Instant now, Table::iterator at, const Segment& segment);
  /// False if the segment goes no further.
  bool HandleAck(Instant now, Table::iterator at, const Segment& segment);
  void HandleText(Instant now, Table::iterator at, const Segment& segment);
  void Consult(Instant now, Table::iterator at);
  void Progress(Instant now, Connection& connection);
  void SendMore(Instant now, Table::iterator at);
  void SendAt(Table::iterator at, uint32_t sequence, size_t room);
  void Send(const Key& key, const Connection& connection, uint32_t sequence,
            uint8_t flags, ByteView payload);
  void SendReset(const Key& key, const Segment& segment);
  /// Resets the connection and forgets it.
  void Abort(Table::iterator at);
  void HandleTimer(Instant now, Table::iterator at);
  [[nodiscard]] uint32_t InitialSequence(Instant now, const Key& key) const;
  [[nodiscard]] uint16_t WindowOf(const Connection& connection) const;

  TcpLimits limits_;
  Handler handler_;
  Table connections_;
  std::deque<std::vector<uint8_t>> queue_;
};

}  // namespace natkit::netsim::portmap
