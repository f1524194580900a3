#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "behavior/axis_tests.h"

namespace natkit::nat::behavior {
namespace {

using stun::attr::ChangeRequestValue;

constexpr ChangeRequestValue kChangeBoth{.change_ip = true,
                                         .change_port = true};
constexpr ChangeRequestValue kChangePort{.change_ip = false,
                                         .change_port = true};
constexpr int kPartnerTries = 48;

/// What a request for an answer from elsewhere led to.
enum class Trial : uint8_t {
  kUnknown,   ///< a control request failed
  kArrived,   ///< the answer came, from where it should
  kFiltered,  ///< it did not come, and the path still works
  kLied,      ///< it came from where it should not
  kRefused,   ///< the server does not do that
};

/// RFC 5780 section 4.4 on fresh sockets. That an answer does not come proves
/// a filter only if the server would send it: that is shown by answers that
/// are let in.
class FilteringTest final : public AxisTest {
 public:
  using AxisTest::AxisTest;

  Task<> Run() override;

 private:
  Task<> TryBoth();
  Task<> TryPort();
  Task<> ProveBoth();
  Task<> ProvePort();
  /// One trial; `from` is where the answer should come from.
  Task<Trial> Try(std::optional<Socket>& socket,
                  std::optional<Endpoint>& mapped, ChangeRequestValue change,
                  Endpoint from);
  /// Whether the server answers from `from` when asked to, seen by a socket
  /// that has sent there.
  Task<bool> Prove(ChangeRequestValue change, Endpoint from);
  Task<bool> ProveByResponsePort(ChangeRequestValue change, Endpoint from);
  Task<> TestPoisoning();
  void Judge();
  void Filtered(Dependence dependence);

  Trial both_ = Trial::kUnknown;
  Trial port_ = Trial::kUnknown;
  bool both_is_proven_ = false;
  bool port_is_proven_ = false;
  std::optional<Socket> both_socket_;
  std::optional<Endpoint> both_mapped_;
};

Task<> FilteringTest::Run() {
  if (!targets().has_alternates) {
    session().DoNotKnow(Axis::kFiltering,
                        "a server with two addresses is needed");
    session().DoNotKnow(Axis::kPoisoning,
                        "a server with two addresses is needed");
    co_return;
  }
  std::vector<Task<>> parts;
  parts.push_back(TryBoth());
  parts.push_back(TryPort());
  parts.push_back(ProveBoth());
  parts.push_back(ProvePort());
  WhenAll all(parts);
  co_await all;
  Judge();
  Task<> poisoning = TestPoisoning();
  co_await poisoning;
}

Task<> FilteringTest::TryBoth() {
  Task<Trial> trying =
      Try(both_socket_, both_mapped_, kChangeBoth, *targets().a2p2);
  both_ = co_await trying;
}

Task<> FilteringTest::TryPort() {
  std::optional<Socket> socket;
  std::optional<Endpoint> mapped;
  Task<Trial> trying = Try(socket, mapped, kChangePort, *targets().a1p2);
  port_ = co_await trying;
}

Task<> FilteringTest::ProveBoth() {
  Task<bool> proving = Prove(kChangeBoth, *targets().a2p2);
  both_is_proven_ = co_await proving;
}

Task<> FilteringTest::ProvePort() {
  Task<bool> proving = Prove(kChangePort, *targets().a1p2);
  port_is_proven_ = co_await proving;
}

Task<Trial> FilteringTest::Try(std::optional<Socket>& socket,
                               std::optional<Endpoint>& mapped,
                               ChangeRequestValue change, Endpoint from) {
  Task<std::optional<Socket>> opening = lab().Open(0, 0);
  socket = co_await opening;
  if (!socket) {
    co_return Trial::kUnknown;
  }
  Task<Exchange> priming =
      session().Ask(Axis::kFiltering, Lab::From(*socket, targets().a1p1));
  mapped = (co_await priming).mapped();
  Request request = Lab::From(*socket, targets().a1p1);
  request.change = change;
  Task<Exchange> asking = session().Ask(Axis::kFiltering, std::move(request));
  const Exchange exchange = co_await asking;
  if (exchange.arrival && exchange.arrival->error) {
    co_return Trial::kRefused;
  }
  if (exchange.ok()) {
    co_return exchange.arrival->from == from ? Trial::kArrived : Trial::kLied;
  }
  Task<Exchange> controlling = session().AskNoting(
      Axis::kFiltering, Lab::From(*socket, targets().a1p1), "control");
  const Exchange control = co_await controlling;
  const bool still_works = mapped && control.mapped() == mapped;
  co_return still_works ? Trial::kFiltered : Trial::kUnknown;
}

Task<bool> FilteringTest::Prove(ChangeRequestValue change, Endpoint from) {
  if (traits().mapping != Dependence::kEndpointIndependent) {
    Task<bool> proving = ProveByResponsePort(change, from);
    const bool is_proven = co_await proving;
    co_return is_proven;
  }
  Task<std::optional<Socket>> opening = lab().Open(0, 0);
  const std::optional<Socket> socket = co_await opening;
  if (!socket) {
    co_return false;
  }
  Task<Exchange> permitting = session().AskNoting(
      Axis::kFiltering, Lab::From(*socket, from), "opens the filter");
  co_await permitting;
  Request request = Lab::From(*socket, targets().a1p1);
  request.change = change;
  Task<Exchange> asking = session().AskNoting(
      Axis::kFiltering, std::move(request), "does the server do it");
  const Exchange exchange = co_await asking;
  co_return exchange.ok() && exchange.arrival->from == from;
}

/// Where each destination has a mapping of its own, the answer must be led to
/// the one that has been opened for it.
Task<bool> FilteringTest::ProveByResponsePort(ChangeRequestValue change,
                                              Endpoint from) {
  if (!targets().has_response_port) {
    co_return false;
  }
  Task<std::optional<Socket>> opening = lab().Open(0, 0);
  const std::optional<Socket> x = co_await opening;
  if (!x) {
    co_return false;
  }
  Task<Exchange> permitting = session().AskNoting(
      Axis::kFiltering, Lab::From(*x, from), "opens the filter");
  const std::optional<Endpoint> goal = (co_await permitting).mapped();
  for (int i = 0; goal && i < kPartnerTries; ++i) {
    Task<std::optional<Socket>> opening_y = lab().Open(0, 0);
    const std::optional<Socket> y = co_await opening_y;
    if (!y) {
      co_return false;
    }
    Task<Exchange> locating = lab().Transact(Lab::From(*y, targets().a1p1));
    const std::optional<Endpoint> partner = (co_await locating).mapped();
    if (!partner || partner->address != goal->address) {
      continue;
    }
    Request request = Lab::From(*y, targets().a1p1);
    request.change = change;
    request.response_port = goal->port;
    Task<Exchange> asking = session().AskNoting(
        Axis::kFiltering, std::move(request), "does the server do it");
    const Exchange exchange = co_await asking;
    co_return exchange.ok() && exchange.arrival->from == from;
  }
  co_return false;
}

void FilteringTest::Judge() {
  if (both_ == Trial::kArrived) {
    Filtered(Dependence::kEndpointIndependent);
  } else if (both_ == Trial::kLied || port_ == Trial::kLied) {
    session().DoNotKnow(Axis::kFiltering,
                        "the server lies: it answered from another address "
                        "than it was asked to");
  } else if (both_ == Trial::kRefused || port_ == Trial::kRefused) {
    session().DoNotKnow(Axis::kFiltering, "the server refuses CHANGE-REQUEST");
  } else if (both_ == Trial::kUnknown || port_ == Trial::kUnknown) {
    session().DoNotKnow(Axis::kFiltering, "a control request failed");
  } else if (!both_is_proven_) {
    session().DoNotKnow(Axis::kFiltering,
                        "nothing shows that the server can answer from its "
                        "other address",
                        port_ == Trial::kArrived
                            ? "address-dependent"
                            : "address-and-port-dependent");
  } else if (port_ == Trial::kArrived) {
    Filtered(Dependence::kAddressDependent);
  } else if (port_is_proven_) {
    Filtered(Dependence::kAddressAndPortDependent);
  } else {
    session().DoNotKnow(Axis::kFiltering,
                        "nothing shows that the server can answer from its "
                        "other port",
                        "address-and-port-dependent");
  }
}

void FilteringTest::Filtered(Dependence dependence) {
  traits().filtering = dependence;
  session().Determine(Axis::kFiltering,
                      std::string(DependenceName(dependence)));
}

/// The socket of TryBoth() has had packets from A2:P2 before it sends there.
Task<> FilteringTest::TestPoisoning() {
  if (traits().mapping &&
      *traits().mapping != Dependence::kEndpointIndependent) {
    session().NotApplicable(Axis::kPoisoning,
                            "each destination has a mapping of its own");
    co_return;
  }
  const bool was_tried = both_ == Trial::kArrived || both_ == Trial::kFiltered;
  if (!was_tried || !both_mapped_ || !traits().mapping ||
      (both_ == Trial::kFiltered && !both_is_proven_)) {
    session().DoNotKnow(Axis::kPoisoning, "mapping or filtering is not known");
    co_return;
  }
  Task<Exchange> asking = session().AskNoting(
      Axis::kPoisoning, Lab::From(*both_socket_, *targets().a2p2),
      "after packets from there");
  const Exchange exchange = co_await asking;
  if (!exchange.mapped()) {
    session().DoNotKnow(Axis::kPoisoning, "a request was not answered");
    co_return;
  }
  // A mapping that went away looks the same.
  Task<Exchange> controlling = session().AskNoting(
      Axis::kPoisoning, Lab::From(*both_socket_, targets().a1p1), "control");
  if ((co_await controlling).mapped() != both_mapped_) {
    session().DoNotKnow(Axis::kPoisoning, "the mapping went away meanwhile");
    co_return;
  }
  traits().is_poisonable = exchange.mapped() != both_mapped_;
  session().Determine(Axis::kPoisoning, *traits().is_poisonable ? "yes" : "no");
}

}  // namespace

AxisTestPtr MakeFilteringTest(Session& session) {
  return std::make_unique<FilteringTest>(session);
}

}  // namespace natkit::nat::behavior
