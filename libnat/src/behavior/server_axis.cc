#include <algorithm>
#include <array>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "behavior/axis_tests.h"
#include "natkit/nat/nat64.h"

namespace natkit::nat::behavior {
namespace {

/// Fewer silent servers than this may simply be down (nat.md 13.6).
constexpr size_t kServersForBlocked = 3;
/// Pairs of sockets that are tried until both have one external address.
constexpr int kPartnerTries = 48;

/// Words of an IPv6 address in network order.
std::array<uint16_t, 8> WordsOf(const IpAddress& address) {
  std::array<uint16_t, 8> words{};
  const ByteView bytes = address.bytes();
  for (size_t i = 0; i < words.size(); ++i) {
    words[i] = static_cast<uint16_t>(bytes[2 * i] << 8 | bytes[2 * i + 1]);
  }
  return words;
}

/// Whether another prefix stands before the same host: the addresses have one
/// checksum (RFC 6296 section 3.1), or one interface identifier that is not
/// just a small number. A NAT's own address would be another one altogether.
bool IsPrefixTranslated(const IpAddress& inside, const IpAddress& outside) {
  if (!inside.is_v6() || !outside.is_v6()) {
    return false;
  }
  const auto before = WordsOf(inside);
  const auto after = WordsOf(outside);
  const auto sum = [](const std::array<uint16_t, 8>& words) {
    return std::accumulate(words.begin(), words.end(), 0U) % 0xFFFF;
  };
  const bool is_same_host =
      std::equal(before.begin() + 4, before.end(), after.begin() + 4);
  const bool is_long = std::any_of(before.begin() + 4, before.end() - 1,
                                   [](uint16_t word) { return word != 0; });
  return sum(before) == sum(after) || (is_same_host && is_long);
}

/// Finds a server that answers, and what it can do; believes nothing that it
/// says about its addresses without having been there (nat.md 5.2).
class ServerTest final : public AxisTest {
 public:
  using AxisTest::AxisTest;

  Task<> Run() override;

 private:
  Task<> TryServer(size_t index);
  Task<> CheckOther();
  [[nodiscard]] std::optional<std::string> FindProblem(const Exchange& first);
  Task<std::optional<std::string>> VisitOther(Endpoint other);
  Task<> CheckResponsePort();
  void JudgeSilence();
  void ChooseServer();
  void JudgeTranslation(const Exchange& exchange);
  [[nodiscard]] IpPrefix Nat64PrefixOf(const IpAddress& server);
  void UseSubstitute(std::string why);
  [[nodiscard]] std::optional<std::string> FindContradiction(
      const Endpoint& asked, const Exchange& exchange);

  std::vector<std::optional<Exchange>> answers_;
  std::optional<size_t> chosen_;
  std::optional<Endpoint> back_;  ///< OTHER-ADDRESS at the other address
};

Task<> ServerTest::Run() {
  answers_.resize(config().servers.size());
  std::vector<Task<>> tries;
  for (size_t i = 0; i < answers_.size(); ++i) {
    tries.push_back(TryServer(i));
  }
  WhenAll all(tries);
  co_await all;
  ChooseServer();
  if (!chosen_) {
    JudgeSilence();
    co_return;
  }
  session().Determine(Axis::kUdp, "open");
  JudgeTranslation(*answers_[*chosen_]);
  Task<> other = CheckOther();
  co_await other;
  Task<> response_port = CheckResponsePort();
  co_await response_port;
}

Task<> ServerTest::TryServer(size_t index) {
  Task<std::optional<Socket>> opening = lab().Open(0, 0);
  const std::optional<Socket> socket = co_await opening;
  if (!socket) {
    co_return;
  }
  Request request = Lab::From(*socket, config().servers[index]);
  Task<Exchange> asking = session().Ask(Axis::kUdp, std::move(request));
  answers_[index] = co_await asking;
}

void ServerTest::ChooseServer() {
  for (size_t i = 0; i < answers_.size(); ++i) {
    if (!answers_[i] || !answers_[i]->mapped()) {
      continue;
    }
    const bool has_other = answers_[i]->arrival->other.has_value();
    if (!chosen_ || (has_other && !answers_[*chosen_]->arrival->other)) {
      chosen_ = i;
    }
  }
  if (!chosen_) {
    return;
  }
  const Arrival& arrival = *answers_[*chosen_]->arrival;
  session().targets.a1p1 = config().servers[*chosen_];
  report().server = targets().a1p1;
  report().server_software = arrival.software;
}

void ServerTest::JudgeSilence() {
  if (std::ranges::any_of(answers_, [](const auto& answer) {
        return answer && answer->arrival;
      })) {
    session().Determine(Axis::kUdp, "open");
    session().DoNotKnow(Axis::kServer, "no server answered as STUN wants it");
    return;
  }
  const size_t asked = static_cast<size_t>(std::ranges::count_if(
      answers_, [](const auto& a) { return a.has_value(); }));
  if (asked == 0) {
    session().DoNotKnow(Axis::kUdp, "no socket could be opened");
    return;
  }
  if (asked < kServersForBlocked) {
    session().DoNotKnow(Axis::kUdp,
                        "no answer, but fewer than three servers were asked",
                        "blocked");
    return;
  }
  traits().is_udp_blocked = true;
  session().Determine(Axis::kUdp, "blocked",
                      "none of " + std::to_string(asked) + " servers answered");
}

/// The one that the host was told of, or else the usual length.
IpPrefix ServerTest::Nat64PrefixOf(const IpAddress& server) {
  constexpr int kUsualLength = 96;
  if (config().nat64_prefixes) {
    for (const IpPrefix& prefix : *config().nat64_prefixes) {
      if (ExtractNat64(prefix, server)) {
        return prefix;
      }
    }
  }
  return IpPrefix::Make(server, kUsualLength).value_or(IpPrefix());
}

void ServerTest::JudgeTranslation(const Exchange& exchange) {
  const Endpoint& local = exchange.probe.local;
  const Endpoint mapped = *exchange.mapped();
  session().Keep(Axis::kTranslation, exchange.probe);
  if (mapped == local) {
    traits().translation = Translation::kNone;
    session().Determine(Axis::kTranslation, "none");
  } else if (local.address.is_v6() && mapped.address.is_v4()) {
    traits().translation = Translation::kNat64;
    session().nat64_prefix = Nat64PrefixOf(targets().a1p1.address);
    session().Determine(Axis::kTranslation, "nat64");
  } else if (mapped.port == local.port &&
             IsPrefixTranslated(local.address, mapped.address)) {
    traits().translation = Translation::kPrefix;
    session().Determine(Axis::kTranslation, "prefix",
                        "the prefix of the IPv6 address changes, the port "
                        "does not");
  } else if (mapped.port != local.port) {
    traits().translation = Translation::kNapt;
    session().Determine(Axis::kTranslation, "napt");
  } else {
    session().DoNotKnow(Axis::kTranslation,
                        "the address changes; this port did not", "napt");
  }
}

std::optional<std::string> ServerTest::FindContradiction(
    const Endpoint& asked, const Exchange& exchange) {
  const Arrival& arrival = *exchange.arrival;
  if (arrival.from != asked) {
    return "asked " + asked.ToString() + ", but " + arrival.from.ToString() +
           " answered";
  }
  if (arrival.origin && session().ToLocal(*arrival.origin) != asked) {
    return "RESPONSE-ORIGIN says " + arrival.origin->ToString() + ", but " +
           arrival.from.ToString() + " answered";
  }
  return std::nullopt;
}

void ServerTest::UseSubstitute(std::string why) {
  for (size_t i = 0; i < answers_.size(); ++i) {
    if (i == *chosen_ || !answers_[i] || !answers_[i]->mapped() ||
        answers_[i]->arrival->from != config().servers[i] ||
        config().servers[i].address == targets().a1p1.address) {
      continue;
    }
    session().targets.a2p2 = config().servers[i];
    session().targets.is_substitute = true;
    why += "; " + config().servers[i].ToString() + " stands in for it";
    break;
  }
  session().DoNotKnow(Axis::kServer, std::move(why), "one-address");
}

/// What can be seen to be wrong with OTHER-ADDRESS before going there.
std::optional<std::string> ServerTest::FindProblem(const Exchange& first) {
  const Endpoint& a1p1 = targets().a1p1;
  if (auto problem = FindContradiction(a1p1, first)) {
    return problem;
  }
  if (!first.arrival->other) {
    return "the server has no second address (no OTHER-ADDRESS)";
  }
  const Endpoint other = session().ToLocal(*first.arrival->other);
  if (other.port == 0 || other.address.is_multicast() ||
      other.address.family() != a1p1.address.family()) {
    return "OTHER-ADDRESS " + other.ToString() + " is not that of a server";
  }
  if (other.address == a1p1.address || other.port == a1p1.port) {
    return "OTHER-ADDRESS " + other.ToString() +
           " does not differ in both address and port";
  }
  return std::nullopt;
}

/// Goes to where OTHER-ADDRESS points and asks there for the way back; nullopt
/// if nothing is wrong.
Task<std::optional<std::string>> ServerTest::VisitOther(Endpoint other) {
  const Endpoint a1p1 = targets().a1p1;
  Task<std::optional<Socket>> opening = lab().Open(0, 0);
  const std::optional<Socket> socket = co_await opening;
  if (!socket) {
    co_return "no socket";
  }
  Task<Exchange> asking =
      session().Ask(Axis::kServer, Lab::From(*socket, other));
  const Exchange there = co_await asking;
  if (!there.mapped()) {
    co_return "OTHER-ADDRESS " + other.ToString() + " does not answer";
  }
  if (auto problem = FindContradiction(other, there)) {
    co_return problem;
  }
  Task<Exchange> asking_again =
      session().Ask(Axis::kServer, Lab::From(*socket, a1p1));
  const Exchange here = co_await asking_again;
  if (here.ok() && here.arrival->other &&
      session().ToLocal(*here.arrival->other) != other) {
    co_return "OTHER-ADDRESS changes from answer to answer";
  }
  if (there.arrival->other) {
    back_ = session().ToLocal(*there.arrival->other);
  }
  if (!back_ ||
      (back_->address != a1p1.address && back_->address != other.address)) {
    co_return other.ToString() + " does not know " + a1p1.ToString() +
        " as its other address";
  }
  co_return std::nullopt;
}

Task<> ServerTest::CheckOther() {
  const Exchange& first = *answers_[*chosen_];
  session().Keep(Axis::kServer, first.probe);
  if (first.arrival->other) {
    report().other_server = session().ToLocal(*first.arrival->other);
  }
  std::optional<std::string> problem = FindProblem(first);
  if (!problem) {
    Task<std::optional<std::string>> visiting =
        VisitOther(*report().other_server);
    problem = co_await visiting;
  }
  if (problem) {
    UseSubstitute(*problem);
    co_return;
  }
  const Endpoint a1p1 = targets().a1p1;
  const Endpoint other = *report().other_server;
  Targets& found = session().targets;
  found.a1p2 = {.address = a1p1.address, .port = other.port};
  found.a2p1 = {.address = other.address, .port = a1p1.port};
  found.a2p2 = other;
  found.has_alternates = true;
  // Some servers (coturn) name the same address wherever they are asked. The
  // tests begin at A1, and each finds out whether the server does as asked.
  session().Determine(Axis::kServer, "two-addresses",
                      *back_ == a1p1
                          ? std::string()
                          : "asked at " + other.ToString() + " it names " +
                                back_->ToString() + " as its other address");
}

/// Lets one socket ask for an answer to another.
Task<> ServerTest::CheckResponsePort() {
  for (int i = 0; i < kPartnerTries; ++i) {
    Task<std::optional<Socket>> opening_x = lab().Open(0, 0);
    const std::optional<Socket> x = co_await opening_x;
    Task<std::optional<Socket>> opening_y = lab().Open(0, 0);
    const std::optional<Socket> y = co_await opening_y;
    if (!x || !y) {
      co_return;
    }
    Task<Exchange> asking_x = lab().Transact(Lab::From(*x, targets().a1p1));
    const Exchange of_x = co_await asking_x;
    Task<Exchange> asking_y = lab().Transact(Lab::From(*y, targets().a1p1));
    const Exchange of_y = co_await asking_y;
    if (!of_x.mapped() || !of_y.mapped()) {
      co_return;
    }
    if (of_x.mapped()->address != of_y.mapped()->address) {
      continue;
    }
    Request request = Lab::From(*y, targets().a1p1);
    request.response_port = of_x.mapped()->port;
    Task<Exchange> asking = session().Ask(Axis::kServer, std::move(request));
    const Exchange exchange = co_await asking;
    session().targets.has_response_port =
        exchange.ok() && exchange.arrival->socket == x->number();
    co_return;
  }
}

}  // namespace

AxisTestPtr MakeServerTest(Session& session) {
  return std::make_unique<ServerTest>(session);
}

}  // namespace natkit::nat::behavior
