#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "natkit/base/bytes.h"
#include "natkit/nat/stun_types.h"

namespace natkit::ice {

/// Says which of many agents on one socket a STUN message is for: requests by
/// the ufrag that they name, responses by the transaction ID.
///
/// The owner tells it each agent's ufrag (again after a restart) and each
/// datagram that an agent sends. Costs O(log n) a message. An agent that the
/// mux does not name may still be offered the datagram: Agent::HandleDatagram()
/// decides.
class Mux {
 public:
  /// The owner's name for an agent.
  using AgentId = uint64_t;

  /// Transactions remembered over all agents; the oldest are forgotten first.
  static constexpr size_t kDefaultTransactions = 16384;

  /// `per_agent` more are remembered for each agent that has a ufrag.
  explicit Mux(size_t max_transactions = kDefaultTransactions,
               size_t per_agent = 0)
      : max_transactions_(max_transactions), per_agent_(per_agent) {}

  /// Routes requests for `ufrag` to `agent`. The agent's ufrag before this one
  /// stays valid, for the checks of an old session; older ones do not. A ufrag
  /// of another agent becomes this one's.
  void SetUfrag(AgentId agent, std::string ufrag);
  /// Forgets an agent. Costs O(log n), too.
  void Remove(AgentId agent);
  /// Notes the transaction of a request that `agent` sends; other datagrams
  /// have no effect.
  void NoteSent(AgentId agent, ByteView datagram);
  /// The agent that `datagram` is for; nullopt if none is known to want it.
  [[nodiscard]] std::optional<AgentId> Route(ByteView datagram) const;

 private:
  struct Entry {
    uint64_t number = 0;  ///< never used again, as the owner's names may be
    std::string current;
    std::string previous;
  };

  /// Whose a transaction is. Those of removed agents stay until they are the
  /// oldest: looking for them would cost more than they do.
  struct Sender {
    AgentId agent = 0;
    uint64_t number = 0;
  };

  /// Unless it is another agent's by now.
  void ForgetUfrag(AgentId agent, const std::string& ufrag);

  size_t max_transactions_;
  size_t per_agent_;
  uint64_t last_number_ = 0;
  std::map<AgentId, Entry> agents_;
  std::map<std::string, AgentId, std::less<>> by_ufrag_;
  std::map<stun::TransactionId, Sender> by_transaction_;
  std::deque<stun::TransactionId> oldest_first_;
};

}  // namespace natkit::ice
