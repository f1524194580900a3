#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <optional>

#include "trial.h"

namespace natkit::natcheck::conformance {

/// Some of many flows that are made in a row, watched while the others go on:
/// making them takes no longer where packets take long, so that the first has
/// not ended of age when the last is made.
class FlowWatch {
 public:
  explicit FlowWatch(Trial& trial) : trial_(trial) {}

  /// Sends the first datagram of flow `number`. The sockets outlive it.
  Task<void> Begin(size_t number, Socket& from, Socket& to);

  /// Looks for what should have arrived by now, or for `all`, and asks again
  /// where nothing has. False once a flow is refused for good, or several in a
  /// row at first: then there is only room for what ends meanwhile.
  Task<bool> Settle(bool all);

  [[nodiscard]] std::optional<size_t> refused() const { return refused_; }

  /// Where flows were mapped, by number.
  [[nodiscard]] const std::map<size_t, Endpoint>& mapped() const {
    return mapped_;
  }

 private:
  struct Flow {
    size_t place = 0;  ///< the how manyth it is
    size_t number = 0;
    Socket* from = nullptr;
    Socket* to = nullptr;
    uint64_t token = 0;
    Instant sent;
  };

  [[nodiscard]] static bool HasCome(const Flow& flow);
  Task<void> AskAgain(Flow flow);

  Trial& trial_;
  std::deque<Flow> waiting_;
  std::map<size_t, Endpoint> mapped_;
  size_t begun_ = 0;
  std::deque<Flow> asked_again_;  ///< neighbours, up to the last
  std::optional<size_t> refused_;
};

/// Whether a mapping of `host`, of one datagram, is still there after `age` if
/// nothing else happens.
Task<bool> LivesFor(Trial& trial, size_t host, Duration age);

}  // namespace natkit::natcheck::conformance
