#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "behavior/axis_tests.h"

namespace natkit::nat::behavior {
namespace {

/// One of two sockets behind the NAT that send to each other's external
/// endpoint.
struct Side {
  std::optional<Socket> socket;
  std::optional<Endpoint> mapped;
  /// What this side sent to the other one.
  std::optional<Exchange> sent;
};

/// Both send at once, since filters apply to hairpinned packets too (nat.md
/// 5.10).
class HairpinningTest final : public AxisTest {
 public:
  using AxisTest::AxisTest;

  Task<> Run() override;

 private:
  Task<> Prepare(Side& side, size_t host);
  Task<> Send(Side& side, const Side& other);
  /// Whether the mapping is still there.
  Task<bool> Control(const Side& side);
  void Judge(const Exchange& arrived, const Side& sender);
  [[nodiscard]] bool IsVisible();

  Side a_;
  Side b_;
};

Task<> HairpinningTest::Run() {
  if (traits().translation == Translation::kNone) {
    session().NotApplicable(Axis::kHairpinning, "nothing is translated");
    co_return;
  }
  Task<> preparing_a = Prepare(a_, 0);
  co_await preparing_a;
  Task<> preparing_b = Prepare(b_, config().local_addresses.size() > 1 ? 1 : 0);
  co_await preparing_b;
  if (!a_.mapped || !b_.mapped) {
    session().DoNotKnow(Axis::kHairpinning, "no mapping could be made");
    co_return;
  }
  std::vector<Task<>> both;
  both.push_back(Send(a_, b_));
  both.push_back(Send(b_, a_));
  WhenAll all(both);
  co_await all;
  for (const Side* side : {&a_, &b_}) {
    if (side->sent->arrival && !side->sent->arrival->icmp) {
      Judge(*side->sent, *side);
      co_return;
    }
  }
  Task<bool> controlling_a = Control(a_);
  const bool a_lives = co_await controlling_a;
  Task<bool> controlling_b = Control(b_);
  const bool b_lives = co_await controlling_b;
  if (!a_lives || !b_lives) {
    session().DoNotKnow(Axis::kHairpinning, "a mapping went away meanwhile",
                        "none");
    co_return;
  }
  if (!IsVisible()) {
    session().DoNotKnow(Axis::kHairpinning,
                        "mappings and filters that depend on the destination "
                        "let nothing in, hairpinned or not",
                        "none");
    co_return;
  }
  if (config().drops_own_source) {
    session().DoNotKnow(Axis::kHairpinning,
                        "nothing came back; but this host drops packets from "
                        "its own addresses, so those whose source is not "
                        "translated are not seen",
                        "none");
    co_return;
  }
  traits().hairpinning = Hairpinning::kNone;
  session().Determine(Axis::kHairpinning, "none");
}

/// Each side sends to the other from a mapping that the other has not heard of,
/// unless mappings are endpoint-independent or filters are open.
bool HairpinningTest::IsVisible() {
  const auto is_open = [](const std::optional<Dependence>& dependence) {
    return dependence == Dependence::kEndpointIndependent;
  };
  return is_open(traits().mapping) || is_open(traits().filtering);
}

Task<> HairpinningTest::Prepare(Side& side, size_t host) {
  Task<std::optional<Socket>> opening = lab().Open(host, 0);
  side.socket = co_await opening;
  if (!side.socket) {
    co_return;
  }
  Task<Exchange> asking = session().Ask(
      Axis::kHairpinning, Lab::From(*side.socket, targets().a1p1));
  side.mapped = (co_await asking).mapped();
}

Task<> HairpinningTest::Send(Side& side, const Side& other) {
  const Endpoint to = session().ToLocal(*other.mapped);
  Task<Exchange> asking =
      session().Ask(Axis::kHairpinning, Lab::From(*side.socket, to));
  side.sent = co_await asking;
}

Task<bool> HairpinningTest::Control(const Side& side) {
  Task<Exchange> asking = session().AskNoting(
      Axis::kHairpinning, Lab::From(*side.socket, targets().a1p1), "control");
  co_return (co_await asking).mapped() == side.mapped;
}

void HairpinningTest::Judge(const Exchange& arrived, const Side& sender) {
  const IpAddress source = arrived.arrival->from.address;
  const bool is_mapped =
      source == session().ToLocal(*sender.mapped).address ||
      std::ranges::find(traits().external_addresses, source) !=
          traits().external_addresses.end();
  // A NAT beyond the first one has inside addresses of its own.
  const bool is_internal = source == sender.socket->local().address ||
                           (!is_mapped && source.is_private());
  traits().hairpinning =
      is_internal ? Hairpinning::kInternalSource : Hairpinning::kExternalSource;
  session().Determine(Axis::kHairpinning,
                      is_internal ? "internal-source" : "external-source");
}

}  // namespace

AxisTestPtr MakeHairpinningTest(Session& session) {
  return std::make_unique<HairpinningTest>(session);
}

}  // namespace natkit::nat::behavior
