// RFC 4787 sections 10 and 11: packets that are too large, and pieces of them.

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "test_case.h"

namespace natkit::natcheck::conformance {
namespace {

using enum Verdict;

/// What hosts on an Ethernet send at most.
constexpr size_t kFullPacket = 1500;
constexpr size_t kHeaders4 = 28;  // IPv4 and UDP
constexpr size_t kHeaders6 = 48;

std::vector<uint8_t> FullDatagram(const Socket& from, const Endpoint& to,
                                  uint64_t token, bool dont_fragment) {
  const size_t headers = to.address.is_v4() ? kHeaders4 : kHeaders6;
  netsim::IpFields ip;
  ip.id = static_cast<uint16_t>(token);
  ip.dont_fragment = dont_fragment;
  return netsim::BuildUdp(
      from.local(), to,
      TokenPayload(token, kFullPacket - headers - kTokenPayloadSize), ip);
}

bool IsTooBig(const Seen& seen) {
  return seen.quoted && (seen.info.is_v4() ? seen.info.icmp_type == 3 &&
                                                 seen.info.icmp_code == 4
                                           : seen.info.icmp_type == 2);
}

/// The next-hop MTU in the word after the checksum.
uint32_t MtuIn(const Seen& seen) {
  ByteReader reader(seen.packet);
  uint32_t word = 0;
  if (!reader.Skip(seen.info.transport_offset + 4U) || !reader.ReadU32(word)) {
    return 0;
  }
  return seen.info.is_v4() ? word & 0xffff : word;
}

/// What became of a full-sized packet.
struct TooLarge {
  std::optional<Seen> arrived;
  std::optional<Seen> error;
};

Task<TooLarge> SendFull(Trial& trial, bool dont_fragment) {
  const auto inside = trial.Inside(IpProtocol::kUdp);
  const auto outside = trial.Outside(IpProtocol::kUdp);
  const Endpoint target = trial.lab().Toward(outside->local());
  TooLarge result;
  for (int i = 0; i < 12 && !result.arrived && !result.error; ++i) {
    const uint64_t token = trial.lab().NextToken();
    trial.lab().ExpectToken(token, *outside);
    trial.Send(Side::kInside,
               FullDatagram(*inside, target, token, dont_fragment));
    co_await trial.Until(trial.Patience(), [&] {
      return !outside->inbox.empty() ||
             std::ranges::any_of(inside->inbox, IsTooBig);
    });
    result.error = TakeFrom(inside->inbox, IsTooBig);
    result.arrived = TakeFrom(outside->inbox, [](const Seen&) { return true; });
  }
  co_return result;
}

/// A mapping for fragments to come in by.
struct Way {
  std::unique_ptr<Socket> inside;
  std::unique_ptr<Socket> outside;
  std::optional<Endpoint> mapped;
};

Task<Way> OpenWay(Trial& trial) {
  Way way;
  way.inside = trial.Inside(IpProtocol::kUdp);
  way.outside = trial.Outside(IpProtocol::kUdp);
  way.mapped = co_await trial.Out(*way.inside, *way.outside);
  co_return way;
}

/// Sends a datagram from outside in fragments.
void SendPieces(Trial& trial, const Way& way, uint64_t token, size_t pieces,
                bool reversed) {
  constexpr size_t kPiece = 400;
  constexpr size_t kHeader = 20;
  trial.lab().ExpectToken(token, *way.inside);
  netsim::IpFields ip;
  ip.id = static_cast<uint16_t>(trial.lab().rng().NextU32());
  const auto whole = netsim::BuildUdp(
      way.outside->local(), *way.mapped,
      TokenPayload(token, pieces * kPiece - 8 - kTokenPayloadSize - kPiece / 2),
      ip);
  auto fragments = netsim::FragmentPacket(whole, kPiece + kHeader, 0);
  if (reversed) {
    std::ranges::reverse(fragments);
  }
  for (auto& fragment : fragments) {
    trial.Send(Side::kOutside, std::move(fragment));
  }
}

/// Sends such datagrams until `wanted` of them have arrived, late or not; how
/// many did. Mappings may live short: a few tries have one of their own.
Task<size_t> DeliverPieces(Trial& trial, size_t pieces, bool reversed,
                           size_t wanted) {
  constexpr size_t kTries = 24;
  constexpr size_t kEach = 4;
  std::vector<Way> ways;
  std::set<uint64_t> tokens;
  std::set<uint64_t> arrived;
  const auto look = [&ways, &tokens, &arrived] {
    const size_t before = arrived.size();
    for (const Way& way : ways) {
      for (const Seen& seen : way.inside->inbox) {
        if (tokens.contains(seen.token)) {
          arrived.insert(seen.token);
        }
      }
    }
    return arrived.size() > before;
  };
  for (size_t i = 0; i < kTries && arrived.size() < wanted; ++i) {
    if (i % kEach == 0) {
      ways.push_back(co_await OpenWay(trial));
    }
    if (ways.back().mapped) {
      const uint64_t token = trial.lab().NextToken();
      tokens.insert(token);
      SendPieces(trial, ways.back(), token, pieces, reversed);
      co_await trial.Until(trial.Patience(), look);
    }
  }
  co_return arrived.size();
}

void JudgeDontFragment(Trial& trial, const TooLarge& result) {
  if (result.arrived) {
    trial.Conclude("4787-13", kNotApplicable,
                   "1500 bytes pass: the outside has no smaller MTU");
  } else if (result.error) {
    trial.Conclude("4787-13", kPass,
                   "answered with the next-hop MTU " +
                       std::to_string(MtuIn(*result.error)));
  } else {
    trial.Conclude("4787-13", kFail,
                   "1500 bytes with DF vanish without an ICMP error");
  }
}

void JudgeMayFragment(Trial& trial, const TooLarge& result) {
  if (result.arrived && result.arrived->fragments == 1) {
    trial.Conclude("4787-13a", kNotApplicable,
                   "1500 bytes pass: the outside has no smaller MTU");
  } else if (result.arrived) {
    trial.Conclude("4787-13a", kPass,
                   "arrived in " + std::to_string(result.arrived->fragments) +
                       " fragments" +
                       (result.arrived->in_fragment_order
                            ? ", in order"
                            : ", out of order (they SHOULD be in order)"));
  } else {
    trial.Conclude("4787-13a", kFail,
                   result.error ? "answered with an ICMP error although DF=0"
                                : "1500 bytes with DF=0 vanish");
  }
}

}  // namespace

/// REQ-13 and 13a.
Task<void> TestFragmentsOut(Trial& trial, const Facts& /*facts*/) {
  const TooLarge kept = co_await SendFull(trial, true);
  JudgeDontFragment(trial, kept);
  if (trial.lab().site().nat64_prefix) {
    trial.Conclude("4787-13a", kNotApplicable,
                   "IPv6 hosts do not let routers fragment");
    co_return;
  }
  const TooLarge cut = co_await SendFull(trial, false);
  JudgeMayFragment(trial, cut);
}

/// REQ-14.
Task<void> TestFragmentsIn(Trial& trial, const Facts& /*facts*/) {
  const Way way = co_await OpenWay(trial);
  if (!way.mapped) {
    trial.Conclude("4787-14", kInconclusive, "no datagram arrived outside");
    co_return;
  }
  std::string missing;
  bool is_chance = false;
  for (const size_t pieces : {size_t{2}, size_t{5}}) {
    for (const bool reversed : {false, true}) {
      // One may have been put in order on the way.
      const size_t wanted = reversed ? 2 : 1;
      const size_t came =
          co_await DeliverPieces(trial, pieces, reversed, wanted);
      is_chance |= came > 0 && came < wanted;
      if (came == 0) {
        missing += (missing.empty() ? "" : ", ") + std::to_string(pieces) +
                   (reversed ? " in reverse" : " in order");
      }
    }
  }
  if (!missing.empty()) {
    trial.Conclude("4787-14", kFail, "fragments did not arrive: " + missing);
  } else if (is_chance) {
    trial.Conclude("4787-14", kInconclusive,
                   "of fragments in reverse one datagram in 24 arrived");
  } else {
    trial.Conclude("4787-14", kPass,
                   "2 and 5 fragments, in order and in reverse, arrived");
  }
}

/// REQ-14a: 1000 fragments a second that belong to nothing.
Task<void> TestFragmentFlood(Trial& trial, const Facts& /*facts*/) {
  const auto inside = trial.Inside(IpProtocol::kUdp);
  const auto outside = trial.Outside(IpProtocol::kUdp);
  const auto flooder = trial.Outside(IpProtocol::kUdp, 2);
  const auto mapped = co_await trial.Out(*inside, *outside);
  if (!mapped) {
    trial.Conclude("4787-14a", kInconclusive, "no datagram arrived outside");
    co_return;
  }
  const auto whole =
      netsim::BuildUdp(flooder->local(), *mapped, TokenPayload(0, 800));
  int delivered = 0;
  for (int second = 0; second < 4; ++second) {
    for (int i = 0; i < 50; ++i) {
      for (int j = 0; j < 10; ++j) {
        const auto id = static_cast<uint32_t>(second * 1000 + i * 20 + j);
        auto copy = whole;
        copy[4] = static_cast<uint8_t>(id >> 8);
        copy[5] = static_cast<uint8_t>(id);
        netsim::FixChecksums(copy);
        auto fragments = netsim::FragmentPacket(copy, 420, 0);
        trial.Send(Side::kOutside, std::move(fragments.front()));
        trial.Send(Side::kOutside, std::move(fragments.back()));
      }
      co_await trial.Sleep(std::chrono::milliseconds(10));
    }
    const bool in = co_await trial.In(*outside, *mapped, *inside);
    delivered += in ? 1 : 0;
  }
  trial.Conclude("4787-14a", delivered == 4 ? kPass : kFail,
                 "during 4000 orphaned fragments " + std::to_string(delivered) +
                     " of 4 whole datagrams came in");
}

}  // namespace natkit::natcheck::conformance
