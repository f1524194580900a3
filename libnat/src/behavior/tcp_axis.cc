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
  /// Asks all endpoints of the server from a fresh port; false if one does not
  /// answer.
  Task<bool> AskAll();
  /// Asks `to` from the port of all; false if there is no answer.
  Task<bool> Ask(Endpoint to);
  [[nodiscard]] MappingSample Sample() const;
  void Judge(const MappingSample& sample);

  std::vector<Socket> connections_;
  std::vector<Endpoint> mapped_;  ///< of those from the last port
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
  Task<bool> asking = AskAll();
  bool is_answered = co_await asking;
  const MappingSample first = Sample();
  if (is_answered && first.is_complete() &&
      first.Classify() == Dependence::kAddressDependent) {
    // Two ports that are drawn may be equal: once, hardly twice.
    Task<bool> asking_again = AskAll();
    is_answered = co_await asking_again;
  }
  if (is_answered) {
    const MappingSample last = Sample();
    const bool is_stricter =
        first.is_complete() && first.Classify() > last.Classify();
    Judge(is_stricter ? first : last);
  }
}

Task<bool> TcpTest::AskAll() {
  std::vector<Endpoint> servers = {targets().a1p1};
  for (const auto& other : {targets().a2p1, targets().a2p2}) {
    if (other) {
      servers.push_back(*other);
    }
  }
  local_.port = 0;
  mapped_.clear();
  for (const Endpoint& server : servers) {
    Task<bool> asking = Ask(server);
    const bool is_answered = co_await asking;
    if (!is_answered) {
      session().DoNotKnow(Axis::kTcp,
                          server.ToString() + " does not answer over TCP");
      co_return false;
    }
  }
  co_return true;
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

MappingSample TcpTest::Sample() const {
  MappingSample sample;
  if (mapped_.empty()) {
    return sample;
  }
  sample.local = local_;
  sample.at_a1p1 = mapped_.front();
  sample.at_a2p2 = mapped_.back();
  if (mapped_.size() == 3) {
    sample.at_a2p1 = mapped_[1];
  }
  return sample;
}

void TcpTest::Judge(const MappingSample& sample) {
  if (mapped_.size() == 1) {
    session().DoNotKnow(Axis::kTcp, "a second server address is needed");
  } else if (!sample.is_complete()) {
    JudgeTwoServers(session(), Axis::kTcp, sample);
  } else if (sample.is_untranslated()) {
    session().Determine(Axis::kTcp, "none", "nothing is translated");
  } else {
    session().Determine(Axis::kTcp,
                        std::string(DependenceName(sample.Classify())));
  }
}

}  // namespace

AxisTestPtr MakeTcpTest(Session& session) {
  return std::make_unique<TcpTest>(session);
}

}  // namespace natkit::nat::behavior
