#include "lab.h"

#include <algorithm>
#include <utility>

#include "natkit/base/encoding.h"
#include "natkit/base/queue.h"
#include "trial.h"

namespace natkit::natcheck::conformance {
namespace {

constexpr size_t kMaxStrays = 256;
constexpr size_t kMaxFragmentCounts = 1024;
constexpr size_t kMaxTransmits = 65536;
constexpr std::string_view kMagic = "NATKITCK";
constexpr size_t kTokenLetters = 16;  // four bits each
static_assert(kMagic.size() + kTokenLetters == kTokenPayloadSize);

/// Where the payload begins; the end of the packet if it has none.
size_t PayloadOffset(ByteView packet, const PacketInfo& info) {
  size_t header = 8;  // UDP, ICMP
  if (info.protocol == static_cast<uint8_t>(IpProtocol::kTcp)) {
    header = info.transport_offset + 12U < packet.size()
                 ? size_t{4} * (packet[info.transport_offset + 12U] >> 4)
                 : 20;
  }
  return std::min<size_t>(info.transport_offset + header, packet.size());
}

uint64_t TokenOf(ByteView payload) {
  ByteReader reader(payload);
  ByteView magic;
  ByteView letters;
  if (!reader.ReadView(kMagic.size(), magic) || AsText(magic) != kMagic ||
      !reader.ReadView(kTokenLetters, letters)) {
    return 0;
  }
  uint64_t token = 0;
  for (const uint8_t letter : letters) {
    if (letter < 'A' || letter > 'P') {
      return 0;
    }
    token = token << 4 | static_cast<uint64_t>(letter - 'A');
  }
  return token;
}

}  // namespace

IpProtocol BookedProtocol(uint8_t protocol) {
  return protocol == static_cast<uint8_t>(IpProtocol::kIcmpv6)
             ? IpProtocol::kIcmp
             : static_cast<IpProtocol>(protocol);
}

std::vector<uint8_t> TokenPayload(uint64_t token, size_t extra) {
  std::vector<uint8_t> payload(kTokenPayloadSize + extra);
  ByteWriter writer(payload);
  writer.WriteBytes(AsBytes(kMagic));
  for (int shift = 60; shift >= 0; shift -= 4) {
    writer.WriteU8(static_cast<uint8_t>('A' + (token >> shift & 15)));
  }
  return payload;
}

std::optional<Seen> ReadSeen(Instant at, Side side, ByteView packet) {
  const auto info = netsim::ParsePacket(packet);
  if (!info) {
    return std::nullopt;
  }
  Seen seen;
  seen.at = at;
  seen.side = side;
  const ByteView whole = packet.first(info->total_size);
  seen.packet.assign(whole.begin(), whole.end());
  seen.info = *info;
  seen.payload_at = PayloadOffset(seen.packet, *info);
  if (info->is_icmp_error()) {
    seen.quoted_at = seen.payload_at;
    seen.quoted = netsim::ParseQuotedPacket(seen.payload());
  } else if (info->has_transport) {
    seen.token = TokenOf(seen.payload());
  }
  return seen;
}

Socket::Socket(Trial& trial, Side side, IpProtocol protocol,
               const Endpoint& local)
    : trial_(trial), side_(side), protocol_(protocol), local_(local) {
  trial.lab().sockets_[{side, protocol, local}] = this;
}

Socket::~Socket() {
  Lab& lab = trial_.lab();
  lab.sockets_.erase({side_, protocol_, local_});
  std::erase_if(lab.tokens_,
                [this](const auto& entry) { return entry.second == this; });
}

Lab::Lab(Site site, Rng& rng)
    : site_(std::move(site)),
      rng_(rng),
      last_token_(static_cast<uint64_t>(rng.NextU32()) << 32) {}

Lab::~Lab() = default;

Endpoint Lab::Toward(const Endpoint& outside) const {
  if (!site_.nat64_prefix || !outside.address.is_v4()) {
    return outside;
  }
  std::array<uint8_t, 16> bytes{};
  std::ranges::copy(site_.nat64_prefix->address().bytes(), bytes.begin());
  std::ranges::copy(outside.address.bytes(), bytes.begin() + 12);
  return {IpAddress::V6(bytes), outside.port};
}

uint16_t Lab::NextPort(Side side) {
  uint16_t& next = next_port_[static_cast<size_t>(side)];
  do {
    next = next >= 60000 ? 20000 : static_cast<uint16_t>(next + 2);
  } while (side == Side::kInside && reserved_ports_.contains(next));
  return next;
}

void Lab::ReservePort(uint16_t port) {
  reserved_ports_.insert(static_cast<uint16_t>(port & ~1U));
}

void Lab::Send(Trial& trial, Side side, std::vector<uint8_t> packet) {
  if (transmits_.size() < kMaxTransmits) {
    trial.Add({.at = now_,
               .kind = Evidence::Kind::kSent,
               .side = side,
               .text = DescribePacket(packet),
               .packet = packet});
    transmits_.push_back({side, std::move(packet)});
  }
}

void Lab::ExpectToken(uint64_t token, Socket& socket) {
  tokens_[token] = &socket;
}

void Lab::CountFragment(Side side, const PacketInfo& info) {
  if (fragment_counts_.size() > kMaxFragmentCounts) {
    fragment_counts_.clear();
  }
  FragmentCount& count =
      fragment_counts_[{side, info.source.address, info.destination.address,
                        info.protocol, info.fragment_id}];
  count.in_order &=
      count.pieces == 0 || info.fragment_offset > count.last_offset;
  count.last_offset = info.fragment_offset;
  ++count.pieces;
}

void Lab::HandlePacket(Instant now, Side side, ByteView packet) {
  now_ = std::max(now_, now);
  const auto info = netsim::ParsePacket(packet);
  if (!info) {
    return;
  }
  if (!info->is_fragment) {
    if (auto seen = ReadSeen(now_, side, packet)) {
      HandleWhole(*std::move(seen));
    }
    return;
  }
  CountFragment(side, *info);
  netsim::Reassembler& reassembler = reassemblers_[static_cast<size_t>(side)];
  if (reassembler.Add(now_, packet, *info) !=
      netsim::Reassembler::Fate::kComplete) {
    return;
  }
  if (auto seen = ReadSeen(now_, side, reassembler.whole())) {
    const auto count = fragment_counts_.extract(
        {side, info->source.address, info->destination.address, info->protocol,
         info->fragment_id});
    if (!count.empty()) {
      seen->fragments = count.mapped().pieces;
      seen->in_fragment_order = count.mapped().in_order;
    }
    HandleWhole(*std::move(seen));
  }
}

Socket* Lab::FindSocket(const Seen& seen) {
  if (const auto found = tokens_.find(seen.token);
      seen.token != 0 && found != tokens_.end()) {
    return found->second;
  }
  SocketKey key = {seen.side, BookedProtocol(seen.info.protocol),
                   seen.info.destination};
  if (seen.quoted) {
    key = {seen.side, BookedProtocol(seen.quoted->protocol),
           seen.quoted->source};
  }
  const auto found = sockets_.find(key);
  return found == sockets_.end() ? nullptr : found->second;
}

void Lab::HandleWhole(Seen seen) {
  Socket* socket = FindSocket(seen);
  if (socket == nullptr) {
    strays.push_back(std::move(seen));
    if (strays.size() > kMaxStrays) {
      strays.pop_front();
    }
  } else {
    socket->trial_.Add({.at = now_,
                        .kind = Evidence::Kind::kSeen,
                        .side = seen.side,
                        .text = DescribePacket(seen.packet),
                        .packet = seen.packet});
    socket->inbox.push_back(std::move(seen));
  }
  Fire();
}

void Lab::HandleTimeout(Instant now) {
  now_ = std::max(now_, now);
  Fire();
}

/// Resumes everyone whose wait is over, until nobody's is. What resumes may
/// send, wait again, or end.
void Lab::Fire() {
  for (bool again = true; again;) {
    again = false;
    for (size_t i = 0; i < trials_.size() && !again; ++i) {
      for (Trial::Wait* wait : trials_[i]->waits_) {
        const bool is_met = wait->is_met_ && wait->is_met_();
        if (is_met || now_ >= wait->deadline_) {
          wait->timed_out_ = !is_met;
          trials_[i]->waits_.remove(wait);
          wait->handle_.resume();
          again = true;
          break;
        }
      }
    }
  }
}

std::optional<Injection> Lab::PollTransmit() {
  return TakeFront(transmits_);
}

std::optional<Instant> Lab::NextTimeout() const {
  if (!transmits_.empty()) {
    return now_;
  }
  std::optional<Instant> next;
  for (const Trial* trial : trials_) {
    for (const Trial::Wait* wait : trial->waits_) {
      next = std::min(next.value_or(wait->deadline_), wait->deadline_);
    }
  }
  return next;
}

}  // namespace natkit::natcheck::conformance
