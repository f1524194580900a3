#include "portmap/tcp_responder.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "natkit/base/queue.h"
#include "packet/wire.h"

namespace natkit::netsim::portmap {
namespace {

using std::chrono::seconds;

constexpr Duration kFirstTimeout = seconds(1);  // RFC 6298 section 2
constexpr Duration kMaxTimeout = seconds(60);
constexpr int kMaxRetransmissions = 6;
constexpr Duration kIdleLimit = seconds(30);
/// Twice the longest life of a segment, which on a LAN is short.
constexpr Duration kTimeWaitLength = seconds(10);
constexpr size_t kInitialSegments = 10;  // RFC 6928
constexpr uint16_t kDefaultMss = 536;    // RFC 9293 section 3.7.1
constexpr uint16_t kMinMss = 64;
constexpr uint8_t kMssOption = 2;

/// How far `to` is ahead of `from` in sequence space; negative if behind.
int32_t Ahead(uint32_t from, uint32_t to) {
  return static_cast<int32_t>(to - from);
}

uint16_t ReadMss(ByteView options) {
  ByteReader in(options);
  uint8_t kind = 0;
  while (in.ReadU8(kind) && kind != 0) {
    uint8_t length = 0;
    ByteReader value{ByteView()};
    if (kind == 1) {
      continue;
    }
    if (!in.ReadU8(length) || length < 2 || !in.ReadChild(length - 2, value)) {
      break;
    }
    uint16_t mss = 0;
    if (kind == kMssOption && value.ReadU16(mss)) {
      return std::max(mss, kMinMss);
    }
  }
  return kDefaultMss;
}

}  // namespace

struct TcpResponder::Segment {
  uint32_t sequence = 0;
  uint32_t acknowledgement = 0;
  uint8_t flags = 0;
  uint16_t window = 0;
  uint16_t mss = 0;
  ByteView payload;

  [[nodiscard]] bool Has(uint8_t flag) const { return (flags & flag) != 0; }

  [[nodiscard]] uint32_t length() const {
    return static_cast<uint32_t>(payload.size()) + (Has(kTcpSyn) ? 1 : 0) +
           (Has(kTcpFin) ? 1 : 0);
  }

  static std::optional<Segment> Parse(ByteView packet, const PacketInfo& info) {
    if (info.protocol != wire::kTcp || !info.has_transport ||
        info.is_fragment) {
      return std::nullopt;
    }
    const ByteView bytes =
        packet.first(info.total_size).subspan(info.transport_offset);
    const size_t header = size_t{4} * (bytes[wire::kTcpDataOffset] >> 4);
    if (header < wire::kTcpHeaderSize || header > bytes.size()) {
      return std::nullopt;
    }
    return Segment{
        .sequence = wire::Get32(bytes, 4),
        .acknowledgement = wire::Get32(bytes, 8),
        .flags = info.tcp_flags,
        .window = wire::Get16(bytes, 14),
        .mss = ReadMss(bytes.first(header).subspan(wire::kTcpHeaderSize)),
        .payload = bytes.subspan(header)};
  }
};

TcpResponder::TcpResponder(const TcpLimits& limits, Handler handler)
    : limits_(limits), handler_(std::move(handler)) {}

void TcpResponder::HandleSegment(Instant now, ByteView packet,
                                 const PacketInfo& info) {
  const auto segment = Segment::Parse(packet, info);
  if (!segment) {
    return;
  }
  const Key key{info.source, info.destination};
  auto at = connections_.find(key);
  if (at != connections_.end() && at->second.state == State::kTimeWait &&
      segment->Has(kTcpSyn) &&
      Ahead(at->second.expected, segment->sequence) > 0) {
    connections_.erase(at);  // RFC 9293 section 3.6.1: a new incarnation
    at = connections_.end();
  }
  if (at != connections_.end()) {
    Receive(now, at, *segment);
  } else if (segment->Has(kTcpRst)) {
    return;
  } else if (segment->Has(kTcpAck)) {
    SendReset(key, *segment);
  } else if (segment->Has(kTcpSyn)) {
    Open(now, key, *segment);
  }
}

void TcpResponder::Open(Instant now, const Key& key, const Segment& segment) {
  if (connections_.size() >= limits_.connections && !MakeRoom()) {
    return;  // the client asks again
  }
  Connection& connection = connections_[key];
  connection.initial = InitialSequence(now, key);
  connection.unacknowledged = connection.initial;
  connection.next = connection.highest = connection.initial + 1;
  connection.expected = segment.sequence + 1;
  connection.peer_window = segment.window;
  connection.mss = std::min(segment.mss, limits_.max_mss);
  connection.congestion_window = kInitialSegments * connection.mss;
  connection.timeout = kFirstTimeout;
  connection.retransmit_at = now + connection.timeout;
  Progress(now, connection);
  Send(key, connection, connection.initial, kTcpSyn | kTcpAck, {});
}

bool TcpResponder::MakeRoom() {
  for (const State state : {State::kTimeWait, State::kSynReceived}) {
    const auto at = std::ranges::find_if(connections_, [&](const auto& entry) {
      return entry.second.state == state;
    });
    if (at != connections_.end()) {
      connections_.erase(at);
      return true;
    }
  }
  return false;
}

/// RFC 9293 section 3.10.7.4, but a segment is acceptable only if it has the
/// next byte: there is no queue for those that came early.
void TcpResponder::Receive(Instant now, Table::iterator at,
                           const Segment& segment) {
  Connection& connection = at->second;
  if (connection.state == State::kSynReceived && segment.Has(kTcpSyn) &&
      segment.sequence + 1 == connection.expected) {
    Send(at->first, connection, connection.initial, kTcpSyn | kTcpAck, {});
    return;
  }
  const int32_t seen = Ahead(segment.sequence, connection.expected);
  const bool is_next =
      seen == 0 || (seen > 0 && static_cast<uint32_t>(seen) < segment.length());
  if (segment.Has(kTcpRst)) {
    if (seen == 0) {
      connections_.erase(at);
      return;
    }
    // RFC 5961 section 3.2: a guess, or a RST that others overtook.
  }
  if (!is_next || segment.Has(kTcpSyn) || segment.Has(kTcpRst)) {
    Send(at->first, connection, connection.next, kTcpAck, {});
    return;
  }
  if (!segment.Has(kTcpAck)) {
    return;
  }
  if (HandleAck(now, at, segment)) {
    HandleText(now, at, segment);
  }
}

bool TcpResponder::HandleAck(Instant now, Table::iterator at,
                             const Segment& segment) {
  Connection& connection = at->second;
  const int32_t acked =
      Ahead(connection.unacknowledged, segment.acknowledgement);
  const bool is_opening = connection.state == State::kSynReceived;
  if (Ahead(connection.highest, segment.acknowledgement) > 0 ||
      (is_opening && acked <= 0)) {
    if (is_opening) {
      SendReset(at->first, segment);
    } else {
      Send(at->first, connection, connection.next, kTcpAck, {});
    }
    return false;
  }
  connection.peer_window = segment.window;
  if (acked <= 0) {
    return true;
  }
  if (is_opening) {
    connection.state = State::kEstablished;
  }
  connection.unacknowledged = segment.acknowledgement;
  if (Ahead(connection.next, connection.unacknowledged) > 0) {
    connection.next = connection.unacknowledged;
  }
  connection.congestion_window =
      std::min(connection.congestion_window + static_cast<size_t>(acked),
               kInitialSegments * connection.mss);
  connection.timeout = kFirstTimeout;
  connection.retransmissions = 0;
  connection.retransmit_at = connection.next == connection.unacknowledged
                                 ? Instant::max()
                                 : now + connection.timeout;
  Progress(now, connection);
  return true;
}

void TcpResponder::HandleText(Instant now, Table::iterator at,
                              const Segment& segment) {
  Connection& connection = at->second;
  const auto seen =
      static_cast<size_t>(Ahead(segment.sequence, connection.expected));
  const ByteView fresh =
      segment.payload.subspan(std::min(seen, segment.payload.size()));
  // What comes after the request was answered is only counted.
  const size_t room = connection.has_response
                          ? fresh.size()
                          : limits_.input - connection.input.size();
  const ByteView taken = fresh.first(std::min(fresh.size(), room));
  if (!connection.has_response) {
    connection.input.insert(connection.input.end(), taken.begin(), taken.end());
  }
  connection.expected += static_cast<uint32_t>(taken.size());
  const bool has_fin = segment.Has(kTcpFin) && taken.size() == fresh.size() &&
                       !connection.has_peer_fin;
  if (has_fin) {
    ++connection.expected;
    connection.has_peer_fin = true;
  }
  const bool owes_ack = segment.length() > 0;
  if (has_fin || !taken.empty()) {
    Progress(now, connection);
    Consult(now, at);
  }
  const size_t queued = queue_.size();
  SendMore(now, at);
  if (owes_ack && queue_.size() == queued) {
    Send(at->first, connection, connection.next, kTcpAck, {});
  }
  const uint32_t end =
      connection.initial + 2 + static_cast<uint32_t>(connection.output.size());
  if (connection.has_response && connection.has_peer_fin &&
      connection.unacknowledged == end) {
    connection.state = State::kTimeWait;
    connection.retransmit_at = Instant::max();
    connection.give_up_at = now + kTimeWaitLength;
  }
}

void TcpResponder::Consult(Instant now, Table::iterator at) {
  Connection& connection = at->second;
  if (connection.has_response) {
    return;
  }
  const Request request = {.client = at->first.first,
                           .server = at->first.second,
                           .bytes = connection.input,
                           .is_all = connection.has_peer_fin ||
                                     connection.input.size() >= limits_.input};
  auto response = handler_(now, request);
  if (response || request.is_all) {
    connection.output = std::move(response).value_or(std::vector<uint8_t>{});
    connection.has_response = true;
    connection.input = {};
  }
}

void TcpResponder::Progress(Instant now, Connection& connection) {
  if (connection.state != State::kTimeWait) {
    connection.give_up_at = now + kIdleLimit;
  }
}

/// As much as the windows allow; FIN follows the last byte.
void TcpResponder::SendMore(Instant now, Table::iterator at) {
  Connection& connection = at->second;
  if (!connection.has_response || connection.state != State::kEstablished) {
    return;
  }
  const uint32_t end =
      connection.initial + 2 + static_cast<uint32_t>(connection.output.size());
  const size_t window =
      std::min<size_t>(connection.peer_window, connection.congestion_window);
  while (connection.next != end) {
    const auto in_flight =
        static_cast<size_t>(connection.next - connection.unacknowledged);
    if (in_flight >= window) {
      break;
    }
    SendAt(at, connection.next, window - in_flight);
  }
  const bool has_work = connection.unacknowledged != end;
  if (has_work && connection.retransmit_at == Instant::max()) {
    connection.retransmit_at = now + connection.timeout;
  }
}

/// One segment from `sequence` on, of at most `room` bytes; moves SND.NXT.
void TcpResponder::SendAt(Table::iterator at, uint32_t sequence, size_t room) {
  Connection& connection = at->second;
  const auto index = std::min<size_t>(sequence - connection.initial - 1,
                                      connection.output.size());
  const ByteView rest = ByteView(connection.output).subspan(index);
  const ByteView payload =
      rest.first(std::min({connection.mss, room, rest.size()}));
  const bool is_last = payload.size() == rest.size();
  Send(at->first, connection, sequence,
       is_last ? kTcpAck | kTcpPsh | kTcpFin : kTcpAck, payload);
  connection.next =
      sequence + static_cast<uint32_t>(payload.size()) + (is_last ? 1 : 0);
  if (Ahead(connection.highest, connection.next) > 0) {
    connection.highest = connection.next;
  }
}

void TcpResponder::Send(const Key& key, const Connection& connection,
                        uint32_t sequence, uint8_t flags, ByteView payload) {
  queue_.push_back(
      BuildTcp(key.second, key.first,
               {.sequence = sequence,
                .acknowledgement = connection.expected,
                .flags = flags,
                .window = WindowOf(connection),
                .mss = (flags & kTcpSyn) != 0 ? limits_.max_mss : uint16_t{0}},
               payload));
}

/// RFC 9293 section 3.10.7.1, for a segment with ACK.
void TcpResponder::SendReset(const Key& key, const Segment& segment) {
  queue_.push_back(
      BuildTcp(key.second, key.first,
               {.sequence = segment.acknowledgement, .flags = kTcpRst}, {}));
}

void TcpResponder::Abort(Table::iterator at) {
  Send(at->first, at->second, at->second.next, kTcpRst | kTcpAck, {});
  connections_.erase(at);
}

uint16_t TcpResponder::WindowOf(const Connection& connection) const {
  const size_t free = connection.has_response
                          ? limits_.input
                          : limits_.input - connection.input.size();
  return static_cast<uint16_t>(std::min<size_t>(free, 0xffff));
}

/// RFC 9293 section 3.4.1: a clock of 4 microseconds, and the endpoints.
uint32_t TcpResponder::InitialSequence(Instant now, const Key& key) const {
  const auto ticks = now.time_since_epoch() / std::chrono::microseconds(4);
  return static_cast<uint32_t>(ticks) +
         static_cast<uint32_t>(std::hash<Endpoint>{}(key.first));
}

std::optional<std::vector<uint8_t>> TcpResponder::PollTransmit() {
  return TakeFront(queue_);
}

std::optional<Instant> TcpResponder::NextTimeout() const {
  if (!queue_.empty()) {
    return Instant::min();
  }
  if (connections_.empty()) {
    return std::nullopt;
  }
  Instant next = Instant::max();
  for (const auto& [key, connection] : connections_) {
    next = std::min({next, connection.retransmit_at, connection.give_up_at});
  }
  return next;
}

void TcpResponder::HandleTimeout(Instant now) {
  for (auto at = connections_.begin(); at != connections_.end();) {
    const auto following = std::next(at);
    HandleTimer(now, at);
    at = following;
  }
}

void TcpResponder::HandleTimer(Instant now, Table::iterator at) {
  Connection& connection = at->second;
  if (now >= connection.give_up_at) {
    if (connection.state == State::kTimeWait) {
      connections_.erase(at);
    } else {
      Abort(at);
    }
    return;
  }
  if (now < connection.retransmit_at) {
    return;
  }
  if (++connection.retransmissions > kMaxRetransmissions) {
    Abort(at);
    return;
  }
  connection.timeout = std::min(connection.timeout * 2, kMaxTimeout);
  connection.retransmit_at = now + connection.timeout;
  connection.congestion_window = connection.mss;
  if (connection.state == State::kSynReceived) {
    Send(at->first, connection, connection.initial, kTcpSyn | kTcpAck, {});
  } else {
    // At least one byte: a probe of a closed window (section 3.8.6.1), which
    // the client is free to drop.
    SendAt(at, connection.unacknowledged,
           std::max<size_t>(1, connection.peer_window));
    if (connection.peer_window == 0) {
      connection.next = connection.unacknowledged;
    }
  }
}

void TcpResponder::Reset() {
  connections_.clear();
  queue_.clear();
}

}  // namespace natkit::netsim::portmap
