#include "connection.h"

#include <algorithm>
#include <utility>

namespace natkit::natcheck::conformance {
namespace {

constexpr uint8_t kSynAck = netsim::kTcpSyn | netsim::kTcpAck;

Side Opposite(Side side) {
  return side == Side::kInside ? Side::kOutside : Side::kInside;
}

}  // namespace

Connection::Connection(Trial& trial, size_t host, size_t address,
                       uint16_t outside_port)
    : trial_(trial),
      inside_(trial.Inside(IpProtocol::kTcp, host)),
      outside_(trial.Outside(IpProtocol::kTcp, address, outside_port)),
      next_{trial.lab().rng().NextU32(), 0} {
  next_[1] = trial.lab().rng().NextU32();
}

Task<bool> Connection::Transfer(Side from, uint8_t flags,
                                std::vector<uint8_t> payload) {
  Socket& sender = from == Side::kInside ? *inside_ : *outside_;
  Socket& receiver = from == Side::kInside ? *outside_ : *inside_;
  const Endpoint to =
      from == Side::kInside ? trial_.lab().Toward(outside_->local()) : mapped_;
  netsim::TcpFields fields;
  fields.sequence = NextSequence(from);
  fields.flags = flags;
  if ((flags & netsim::kTcpAck) != 0) {
    fields.acknowledgement = NextSequence(Opposite(from));
  }
  const uint32_t sequence = fields.sequence;
  auto seen = co_await trial_.Repeat(
      from, netsim::BuildTcp(sender.local(), to, fields, payload), receiver,
      [sequence, flags, &receiver](const Seen& one) {
        return one.info.protocol == static_cast<uint8_t>(IpProtocol::kTcp) &&
               one.info.tcp_flags == flags && SequenceOf(one) == sequence &&
               one.info.destination == receiver.local();
      });
  if (!seen) {
    co_return false;
  }
  const bool counts = (flags & (netsim::kTcpSyn | netsim::kTcpFin)) != 0;
  NextSequence(from) +=
      static_cast<uint32_t>(payload.size()) + (counts ? 1U : 0U);
  if (from == Side::kInside) {
    mapped_ = seen->info.source;
    last_outside_ = *seen;
  }
  last_ = *std::move(seen);
  co_return true;
}

Task<bool> Connection::SendFlags(Side from, uint8_t flags) {
  std::vector<uint8_t> nothing;
  co_return co_await Transfer(from, flags, std::move(nothing));
}

Task<bool> Connection::SendSyn() {
  co_return co_await SendFlags(Side::kInside, netsim::kTcpSyn);
}

Task<bool> Connection::SendSynAck() {
  co_return co_await SendFlags(Side::kOutside, kSynAck);
}

Task<bool> Connection::Open() {
  const bool syn = co_await SendSyn();
  const bool answer = syn && co_await SendSynAck();
  const bool done =
      answer && co_await SendFlags(Side::kInside, netsim::kTcpAck);
  co_return done;
}

Task<bool> Connection::OpenSimultaneously() {
  const bool first = co_await SendSyn();
  const bool second =
      first && co_await SendFlags(Side::kOutside, netsim::kTcpSyn);
  bool done = false;
  if (second) {
    // In SYN-RECEIVED both say SYN-ACK, with the number of their SYN.
    --NextSequence(Side::kInside);
    const bool third = co_await SendFlags(Side::kInside, kSynAck);
    --NextSequence(Side::kOutside);
    done = third && co_await SendFlags(Side::kOutside, kSynAck);
  }
  co_return done;
}

Task<bool> Connection::SendData(Side from) {
  std::vector<uint8_t> payload = TokenPayload(0);
  co_return co_await Transfer(from, netsim::kTcpPsh | netsim::kTcpAck,
                              std::move(payload));
}

Task<bool> Connection::SendBytes(Side from, std::vector<uint8_t> payload) {
  const std::vector<uint8_t> sent = payload;
  const bool came = co_await Transfer(from, netsim::kTcpPsh | netsim::kTcpAck,
                                      std::move(payload));
  co_return came&& std::ranges::equal(last_.payload(), sent);
}

Task<bool> Connection::Close() {
  constexpr uint8_t kFinAck = netsim::kTcpFin | netsim::kTcpAck;
  const bool first = co_await SendFlags(Side::kInside, kFinAck);
  const bool second = first && co_await SendFlags(Side::kOutside, kFinAck);
  const bool done =
      second && co_await SendFlags(Side::kInside, netsim::kTcpAck);
  co_return done;
}

}  // namespace natkit::natcheck::conformance
