// RFC 4787 sections 5 to 7, RFC 5382: who reaches a mapping, hairpinning, ALGs.

#include <algorithm>
#include <array>

#include "test_case.h"

namespace natkit::natcheck::conformance {
namespace {

using enum Verdict;

/// Two inside sockets that know each other by external endpoints.
struct HairpinPair {
  std::unique_ptr<Socket> a;
  std::unique_ptr<Socket> b;
  Endpoint mapped_a;
  Endpoint mapped_b;
};

/// Both send until one has something from the other; filters open on the way.
Task<std::optional<Seen>> Hairpin(Trial& trial, HairpinPair& pair) {
  std::optional<Seen> at_b;
  for (int i = 0; i < 4 && !at_b; ++i) {
    const Persistence few = {.copies = 2};
    co_await trial.Deliver(*pair.b, pair.mapped_a, *pair.a, few);
    at_b = co_await trial.Deliver(*pair.a, pair.mapped_b, *pair.b, few);
  }
  co_return at_b;
}

struct HairpinRows {
  std::string_view delivery;
  std::string_view source;
};

/// Whether hairpinning would be seen if there were any. Where mappings and
/// filters both depend on the remote endpoint, each host sends to the other
/// from a port that the other's filter has not heard of.
Task<bool> WouldBeSeen(Trial& trial, IpProtocol protocol) {
  const auto own = trial.Inside(protocol, 0);
  const auto peer = trial.Outside(protocol, 0);
  const auto other = trial.Outside(protocol, 1);
  const auto mapped = co_await trial.Out(*own, *peer);
  const auto again = co_await trial.Out(*own, *other);
  bool is_seen = mapped && again && *again == *mapped;
  if (mapped && !is_seen) {
    const auto stranger = trial.Outside(protocol, 2);
    is_seen = co_await trial.In(*stranger, *mapped, *own);
  }
  co_return is_seen;
}

void JudgeHairpin(Trial& trial, const HairpinPair& pair,
                  const std::optional<Seen>& seen, HairpinRows rows) {
  if (!seen) {
    trial.Conclude(rows.delivery, kFail,
                   "nothing from one inside host reached another by its "
                   "external endpoint");
    trial.Conclude(rows.source, kNotApplicable, "there is no hairpinning");
    return;
  }
  const Endpoint source = seen->info.source;
  trial.Conclude(rows.delivery, kPass, "delivered from " + source.ToString());
  const bool is_internal = source.address == pair.a->local().address;
  trial.Conclude(rows.source, is_internal ? kFail : kPass,
                 std::string("the receiver sees the ") +
                     (is_internal ? "internal" : "external") + " source " +
                     source.ToString());
}

Task<void> RunHairpin(Trial& trial, IpProtocol protocol, HairpinRows rows) {
  HairpinPair pair;
  pair.a = trial.Inside(protocol, 0);
  pair.b = trial.Inside(protocol, 1);
  const auto outside = trial.Outside(protocol);
  const auto mapped_a = co_await trial.Out(*pair.a, *outside);
  const auto mapped_b = co_await trial.Out(*pair.b, *outside);
  if (!mapped_a || !mapped_b) {
    trial.Conclude(rows.delivery, kInconclusive, "nothing arrived outside");
    trial.Conclude(rows.source, kInconclusive, "nothing arrived outside");
    co_return;
  }
  pair.mapped_a = trial.lab().Toward(*mapped_a);
  pair.mapped_b = trial.lab().Toward(*mapped_b);
  const auto seen = co_await Hairpin(trial, pair);
  const bool is_clear = seen || co_await WouldBeSeen(trial, protocol);
  if (!is_clear) {
    constexpr std::string_view kWhy =
        "nothing arrived, but mapping and filtering both depend on the remote "
        "endpoint: hairpinned packets would be filtered";
    trial.Conclude(rows.delivery, kInconclusive, std::string(kWhy));
    trial.Conclude(rows.source, kInconclusive, std::string(kWhy));
    co_return;
  }
  JudgeHairpin(trial, pair, seen, rows);
}

/// A fresh mapping toward A1:P1 alone; then others try. "EI", "AD", "APD"; ""
/// if nothing can be said.
Task<std::string> ClassifyFilterOnce(Trial& trial, IpProtocol protocol) {
  const auto inside = trial.Inside(protocol);
  const auto peer = trial.Outside(protocol, 0);
  const auto same_address = trial.Outside(protocol, 0);
  const auto stranger = trial.Outside(protocol, 2);
  std::string name;
  const auto mapped = co_await trial.Out(*inside, *peer);
  if (mapped) {
    const bool from_stranger = co_await trial.In(*stranger, *mapped, *inside);
    const bool from_address =
        co_await trial.In(*same_address, *mapped, *inside);
    const bool from_peer = co_await trial.In(*peer, *mapped, *inside);
    name = !from_peer ? "" : from_stranger ? "EI" : from_address ? "AD" : "APD";
  }
  co_return name;
}

/// By the most lenient of three mappings: one may share its port with another
/// host's, which then gets what strangers send.
Task<std::string> ClassifyFilter(Trial& trial, IpProtocol protocol) {
  std::string best;
  for (int i = 0; i < 3 && best != "EI"; ++i) {
    const std::string name = co_await ClassifyFilterOnce(trial, protocol);
    const bool is_better = best.empty() || name == "EI" || name == "AD";
    best = !name.empty() && is_better ? name : best;
  }
  co_return best;
}

void JudgeFilter(Trial& trial, std::string_view requirement,
                 const std::string& name) {
  if (name.empty()) {
    trial.Conclude(requirement, kInconclusive,
                   "not even the endpoint that was contacted gets through");
  } else if (name == "EI") {
    trial.Conclude(requirement, kPass, "endpoint-independent filtering");
  } else if (name == "AD") {
    trial.Conclude(requirement, kPass, "address-dependent filtering");
  } else {
    trial.Conclude(requirement, kFail, "address-and-port-dependent filtering");
  }
}

struct AlgProbe {
  uint16_t port;
  std::string_view name;
};

/// Ports that ALGs are known to listen to, and one without any.
constexpr std::array kAlgPorts = {AlgProbe{5060, "SIP"}, AlgProbe{21, "FTP"},
                                  AlgProbe{69, "TFTP"}, AlgProbe{1719, "H.323"},
                                  AlgProbe{33434, "any port"}};

/// An endpoint as protocols write it: bytes, and text with its port.
std::vector<uint8_t> EmbeddedIn(uint64_t token, const Endpoint& end) {
  std::vector<uint8_t> payload = TokenPayload(token);
  const ByteView address = end.address.bytes();
  const std::string text =
      "INVITE sip:b@example.net SIP/2.0\r\nContact: <sip:" + end.ToString() +
      ">\r\nc=IN IP4 " + end.address.ToString() + "\r\n";
  payload.insert(payload.end(), address.begin(), address.end());
  payload.push_back(static_cast<uint8_t>(end.port >> 8));
  payload.push_back(static_cast<uint8_t>(end.port));
  payload.insert(payload.end(), text.begin(), text.end());
  return payload;
}

/// Whether a payload arrives as it was sent; nullopt: it does not arrive.
Task<std::optional<bool>> ArrivesUnchanged(Trial& trial, Socket& from,
                                           Endpoint to, Socket& at,
                                           Endpoint embedded) {
  const uint64_t token = trial.lab().NextToken();
  trial.lab().ExpectToken(token, at);
  const std::vector<uint8_t> payload = EmbeddedIn(token, embedded);
  const auto is_it = [token](const Seen& seen) { return seen.token == token; };
  std::optional<bool> result;
  for (int i = 0; i < 6 && !result; ++i) {
    trial.Send(from.side(), netsim::BuildUdp(from.local(), to, payload));
    co_await trial.Until(
        std::max<Duration>(std::chrono::milliseconds(400), trial.Patience()),
        [&at, is_it] { return std::ranges::any_of(at.inbox, is_it); });
    if (const auto seen = TakeFrom(at.inbox, is_it)) {
      result = std::ranges::equal(seen->payload(), payload);
    }
  }
  co_return result;
}

/// The ALG's direction if there is one, "" if there is none; nullopt if
/// nothing can be said.
Task<std::optional<std::string>> FindAlg(Trial& trial, AlgProbe probe) {
  const auto inside = trial.Inside(IpProtocol::kUdp);
  const auto outside = trial.Outside(IpProtocol::kUdp, 0, probe.port);
  std::optional<std::string> found;
  const auto mapped = co_await trial.Out(*inside, *outside);
  if (!mapped) {
    co_return found;
  }
  const Endpoint target = trial.lab().Toward(outside->local());
  const auto out = co_await ArrivesUnchanged(trial, *inside, target, *outside,
                                             inside->local());
  const auto in =
      co_await ArrivesUnchanged(trial, *outside, *mapped, *inside, *mapped);
  if (out && in) {
    found = *out ? "" : " outbound";
    *found += *in ? "" : " inbound";
  }
  co_return found;
}

}  // namespace

/// RFC 4787 REQ-8, RFC 6888 REQ-7.
Task<void> TestUdpFiltering(Trial& trial, const Facts& /*facts*/) {
  const std::string name = co_await ClassifyFilter(trial, IpProtocol::kUdp);
  JudgeFilter(trial, "4787-8", name);
  JudgeFilter(trial, "6888-7", name);
}

/// RFC 5382 REQ-3.
Task<void> TestTcpFiltering(Trial& trial, const Facts& /*facts*/) {
  const std::string name = co_await ClassifyFilter(trial, IpProtocol::kTcp);
  JudgeFilter(trial, "5382-3", name);
}

/// RFC 4787 REQ-9 and 9a.
Task<void> TestUdpHairpin(Trial& trial, const Facts& /*facts*/) {
  co_await RunHairpin(trial, IpProtocol::kUdp, {"4787-9", "4787-9a"});
}

/// RFC 5382 REQ-8 and 8a.
Task<void> TestTcpHairpin(Trial& trial, const Facts& /*facts*/) {
  co_await RunHairpin(trial, IpProtocol::kTcp, {"5382-8", "5382-8a"});
}

/// REQ-10 and 10a.
Task<void> TestUdpAlg(Trial& trial, const Facts& /*facts*/) {
  std::string found;
  bool is_complete = true;
  for (const AlgProbe& probe : kAlgPorts) {
    const auto alg = co_await FindAlg(trial, probe);
    if (!alg) {
      is_complete = false;
    } else if (!alg->empty()) {
      found += (found.empty() ? "" : ", ") + std::string(probe.name) + " (" +
               std::to_string(probe.port) + *alg + ")";
    }
  }
  if (!found.empty()) {
    trial.Conclude("4787-10", kFail, "payloads were changed: " + found);
    trial.Conclude("4787-10a", kInconclusive,
                   "packets do not show whether it can be switched off");
  } else if (!is_complete) {
    trial.Conclude("4787-10", kInconclusive, "not every datagram arrived");
    trial.Conclude("4787-10a", kInconclusive, "not every datagram arrived");
  } else {
    trial.Conclude("4787-10", kPass, "embedded endpoints arrived unchanged");
    trial.Conclude("4787-10a", kNotApplicable, "no ALG was seen");
  }
}

}  // namespace natkit::natcheck::conformance
