#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "behavior/axis_tests.h"
#include "behavior/mapping_sample.h"

namespace natkit::nat::behavior {
namespace {

/// RFC 5780 section 4.3 over TCP: connections from one port to several servers,
/// all up at once (RFC 5382 REQ-1).
class TcpTest final : public AxisTest {
 public:
  using AxisTest::AxisTest;

  Task<> Run() override;

 private:
  /// Nobody answers over UDP: does anybody over TCP?
  Task<> AskAnybody();
  /// Asks `to` from the port of all; false if there is no answer.
  Task<bool> Ask(Endpoint to);
  void Judge();

  std::vector<Socket> connections_;
  std::vector<Endpoint> mapped_;  ///< of each of connections_
  Endpoint local_;
};

Task<> TcpTest::Run() {
  if (!config().tests_tcp) {
    co_return;
  }
  local_ = {.address = config().local_addresses.front(), .port = 0};
  if (report().server.port == 0) {
    Task<> asking = AskAnybody();
    co_await asking;
    co_return;
  }
  std::vector<Endpoint> servers = {targets().a1p1};
  for (const auto& other : {targets().a2p1, targets().a2p2}) {
    if (other) {
      servers.push_back(*other);
    }
  }
  for (const Endpoint& server : servers) {
    Task<bool> asking = Ask(server);
    const bool is_answered = co_await asking;
    if (!is_answered) {
      session().DoNotKnow(Axis::kTcp,
                          server.ToString() + " does not answer over TCP");
      co_return;
    }
  }
  Judge();
}

Task<> TcpTest::AskAnybody() {
  for (const Endpoint& server : config().servers) {
    Task<bool> asking = Ask(server);
    const bool is_answered = co_await asking;
    if (is_answered) {
      session().DoNotKnow(Axis::kTcp,
                          server.ToString() + " answers over TCP, not over UDP",
                          "open");
      co_return;
    }
  }
  session().DoNotKnow(Axis::kTcp, "no server answers over TCP either");
}

Task<bool> TcpTest::Ask(Endpoint to) {
  Request request;
  request.local = local_;
  request.to = to;
  Task<StreamExchange> asking = lab().TransactStream(std::move(request));
  StreamExchange result = co_await asking;
  result.exchange.probe.asked += " over tcp";
  session().Keep(Axis::kTcp, result.exchange.probe);
  const auto mapped = result.exchange.mapped();
  if (!mapped) {
    co_return false;
  }
  local_ = result.exchange.probe.local;
  connections_.push_back(std::move(*result.socket));
  mapped_.push_back(*mapped);
  co_return true;
}

void TcpTest::Judge() {
  MappingSample sample;
  sample.local = local_;
  sample.at_a1p1 = mapped_.front();
  sample.at_a2p2 = mapped_.back();
  if (mapped_.size() == 1) {
    session().DoNotKnow(Axis::kTcp, "a second server address is needed");
  } else if (targets().is_substitute) {
    JudgeTwoServers(session(), Axis::kTcp, sample);
  } else {
    sample.at_a2p1 = mapped_.at(1);
    session().Determine(
        Axis::kTcp,
        sample.is_untranslated()
            ? "none"
            : std::string(DependenceName(sample.Classify())),
        sample.is_untranslated() ? "nothing is translated" : "");
  }
}

}  // namespace

AxisTestPtr MakeTcpTest(Session& session) {
  return std::make_unique<TcpTest>(session);
}

}  // namespace natkit::nat::behavior
