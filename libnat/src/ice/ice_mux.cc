#include "natkit/nat/ice_mux.h"

#include <utility>

#include "ice/check_message.h"
#include "natkit/nat/stun_message.h"

namespace natkit::ice {

void Mux::SetUfrag(AgentId agent, std::string ufrag) {
  Ufrags& ufrags = agents_[agent];
  if (ufrags.current == ufrag) {
    return;
  }
  by_ufrag_.erase(ufrags.previous);
  ufrags.previous = std::exchange(ufrags.current, ufrag);
  by_ufrag_.insert_or_assign(std::move(ufrag), agent);
}

void Mux::Remove(AgentId agent) {
  const auto found = agents_.find(agent);
  if (found == agents_.end()) {
    return;
  }
  by_ufrag_.erase(found->second.current);
  by_ufrag_.erase(found->second.previous);
  agents_.erase(found);
  std::erase_if(oldest_first_, [&](const stun::TransactionId& id) {
    return by_transaction_.at(id) == agent;
  });
  std::erase_if(by_transaction_,
                [&](const auto& entry) { return entry.second == agent; });
}

void Mux::NoteSent(AgentId agent, ByteView datagram) {
  const auto message = stun::Message::Parse(datagram);
  if (!message || message->type() != stun::kBindingRequest ||
      !agents_.contains(agent)) {
    return;
  }
  const auto [entry, is_new] = by_transaction_.emplace(message->id(), agent);
  if (!is_new) {
    return;  // a retransmit
  }
  oldest_first_.push_back(message->id());
  if (oldest_first_.size() > max_transactions_) {
    by_transaction_.erase(oldest_first_.front());
    oldest_first_.pop_front();
  }
}

std::optional<Mux::AgentId> Mux::Route(ByteView datagram) const {
  const auto message = stun::Message::Parse(datagram);
  if (!message) {
    return std::nullopt;
  }
  if (message->type().is_response()) {
    const auto found = by_transaction_.find(message->id());
    return found == by_transaction_.end() ? std::nullopt
                                          : std::optional(found->second);
  }
  const auto ufrags = ReadUfrags(*message);
  if (!ufrags || ufrags->receiver.empty()) {
    return std::nullopt;
  }
  const auto found = by_ufrag_.find(ufrags->receiver);
  return found == by_ufrag_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace natkit::ice
