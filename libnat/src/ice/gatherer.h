#pragma once

#include <compare>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "ice/agent_context.h"
#include "ice/retransmit_timer.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"
#include "natkit/nat/stun_message.h"
#include "natkit/nat/stun_types.h"

namespace natkit::ice {

/// Asks every configured STUN server from every base for a server-reflexive
/// address (RFC 8445 section 5.1.1.2).
class Gatherer {
 public:
  /// A base and a server of the same family.
  struct Job {
    Endpoint base;
    Endpoint server;
    auto operator<=>(const Job&) const = default;
  };

  struct Outcome {
    Job job;
    Endpoint mapped;
  };

  explicit Gatherer(AgentContext& context) : context_(context) {}

  /// Queues the jobs of a base that are not under way.
  void Start(const Endpoint& base);
  void RemoveBase(const Endpoint& base);
  /// Sends the first request of the next job; false if there is none.
  bool SendNext(Instant now);

  [[nodiscard]] bool has_work() const { return !queue_.empty(); }

  [[nodiscard]] bool is_idle() const {
    return queue_.empty() && active_.empty();
  }

  [[nodiscard]] bool OwnsTransaction(const stun::TransactionId& id) const {
    return active_.contains(id);
  }

  /// Takes a response to one of its transactions.
  std::optional<Outcome> HandleResponse(const Endpoint& local_base,
                                        const Endpoint& from,
                                        const stun::Message& message);
  void HandleTimeout(Instant now);
  [[nodiscard]] std::optional<Instant> NextTimeout() const;

 private:
  struct Active {
    Job job;
    RetransmitTimer timer;
    std::vector<uint8_t> payload;
  };

  [[nodiscard]] bool IsKnown(const Job& job) const;

  AgentContext& context_;
  std::deque<Job> queue_;
  std::map<stun::TransactionId, Active> active_;
};

}  // namespace natkit::ice
