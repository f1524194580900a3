// RFC 7857 section 10: two hosts, one IP identification.

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "test_case.h"

namespace natkit::natcheck::conformance {

namespace {

using enum Verdict;

/// A UDP datagram in pieces; `size` bytes of payload carry `token`.
std::vector<std::vector<uint8_t>> Pieces(const Socket& from, const Socket& to,
                                         uint64_t token, size_t size,
                                         const netsim::IpFields& ip) {
  return netsim::FragmentPacket(
      netsim::BuildUdp(from.local(), to.local(), TokenPayload(token, size), ip),
      420, 0);
}

bool HasWhole(const Socket& target, uint64_t token) {
  return std::ranges::any_of(target.inbox, [token](const Seen& seen) {
    return seen.token == token &&
           netsim::HasValidTransportChecksum(seen.packet, seen.info);
  });
}

/// Fragments of two sockets with one identification, sent in turns.
struct Pair {
  std::array<uint64_t, 2> tokens{};

  [[nodiscard]] bool IsIn(const Socket& target) const {
    return HasWhole(target, tokens[0]) && HasWhole(target, tokens[1]);
  }
};

Pair SendPair(Trial& trial, const std::array<Socket*, 2>& own, Socket& target,
              uint16_t identification) {
  std::array<std::vector<std::vector<uint8_t>>, 2> pieces;
  Pair pair;
  for (size_t i = 0; i < own.size(); ++i) {
    pair.tokens[i] = trial.lab().NextToken();
    trial.lab().ExpectToken(pair.tokens[i], target);
    netsim::IpFields ip;
    ip.id = identification;
    pieces[i] = Pieces(*own[i], target, pair.tokens[i], 600 + 100 * i, ip);
  }
  for (size_t part = 0; part < pieces[1].size(); ++part) {
    trial.Send(Side::kInside, pieces[0][part]);
    trial.Send(Side::kInside, pieces[1][part]);
  }
  return pair;
}

/// How many such pairs were put together right.
struct PairCount {
  size_t right = 0;
  size_t sent = 0;

  [[nodiscard]] size_t wrong() const { return sent - right; }

  /// One or the other may get through by chance where packets overtake each
  /// other.
  [[nodiscard]] bool is_right() const { return right >= wrong() + 2; }

  [[nodiscard]] bool is_enough() const {
    return is_right() || (right == 0 && sent == 8) || sent == 24;
  }
};

/// Each pair is known by its tokens, also when it comes late.
Task<PairCount> CountPairs(Trial& trial, const std::array<Socket*, 2> own,
                           Socket& target) {
  constexpr size_t kFirstId = 7000;
  std::vector<Pair> pairs;
  PairCount count;
  while (!count.is_enough()) {
    pairs.push_back(SendPair(trial, own, target,
                             static_cast<uint16_t>(kFirstId + count.sent)));
    const Pair last = pairs.back();
    co_await trial.Until(trial.Patience(),
                         [last, &target] { return last.IsIn(target); });
    ++count.sent;
    count.right = static_cast<size_t>(std::ranges::count_if(
        pairs, [&target](const Pair& pair) { return pair.IsIn(target); }));
  }
  co_return count;
}

/// How many of `tries` fragmented datagrams of one socket arrive.
Task<size_t> CountAlone(Trial& trial, const Socket& own, Socket& target,
                        size_t tries) {
  std::vector<uint64_t> tokens;
  for (size_t i = 0; i < tries; ++i) {
    const uint64_t token = trial.lab().NextToken();
    tokens.push_back(token);
    trial.lab().ExpectToken(token, target);
    const netsim::IpFields ip = {.id = static_cast<uint16_t>(8000 + i)};
    for (auto& piece : Pieces(own, target, token, 700, ip)) {
      trial.Send(Side::kInside, std::move(piece));
    }
    co_await trial.Until(trial.Patience(),
                         [token, &target] { return HasWhole(target, token); });
  }
  co_return static_cast<size_t>(std::ranges::count_if(
      tokens, [&target](uint64_t token) { return HasWhole(target, token); }));
}

}  // namespace

/// RFC 7857 section 10: two hosts use one IP identification at a time.
Task<void> TestIpId(Trial& trial, const Facts& facts) {
  const auto sharer = facts.SharerOf(0);
  if (!sharer || trial.lab().site().nat64_prefix) {
    trial.Conclude("7857-10", sharer ? kInconclusive : kNotApplicable,
                   sharer ? "not tested with NAT64"
                          : "no two hosts share an external address");
    co_return;
  }
  const auto own = trial.Inside(IpProtocol::kUdp, 0);
  const auto other = trial.Inside(IpProtocol::kUdp, *sharer);
  const auto target = trial.Outside(IpProtocol::kUdp);
  const auto first = co_await trial.Out(*own, *target);
  const auto second = co_await trial.Out(*other, *target);
  if (!first || !second || first->address != second->address) {
    trial.Conclude("7857-10", kInconclusive,
                   "the hosts did not share an external address");
    co_return;
  }
  const std::array<Socket*, 2> both = {own.get(), other.get()};
  const PairCount pairs = co_await CountPairs(trial, both, *target);
  if (pairs.is_right()) {
    trial.Conclude("7857-10", kPass,
                   "fragments of two hosts with one identification were put "
                   "together right");
    co_return;
  }
  // What is lost on the way, is lost for both of a pair.
  constexpr size_t kTries = 12;
  constexpr double kEnough = 5;
  const size_t alone = co_await CountAlone(trial, *own, *target, kTries);
  const double chance = static_cast<double>(alone) / kTries;
  const double expected = static_cast<double>(pairs.sent) * chance * chance;
  if (alone == 0) {
    trial.Conclude("7857-10", kInconclusive, "no fragments get out");
  } else if (expected < kEnough ||
             static_cast<double>(pairs.right) > expected / 4) {
    trial.Conclude("7857-10", kInconclusive, "too many fragments are lost");
  } else {
    trial.Conclude("7857-10", kFail,
                   "fragments of two hosts with one identification do not "
                   "arrive whole");
  }
}

}  // namespace natkit::natcheck::conformance
