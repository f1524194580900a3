#include "natkit/nat/ice_mux.h"

#include <utility>

#include "ice/check_message.h"
#include "natkit/nat/stun_message.h"

namespace natkit::ice {

void Mux::SetUfrag(AgentId agent, std::string ufrag) {
  const auto [place, is_new] = agents_.try_emplace(agent);
  Entry& entry = place->second;
  if (is_new) {
    entry.number = ++last_number_;
  }
  if (entry.current == ufrag) {
    return;
  }
  ForgetUfrag(agent, entry.previous);
  entry.previous = std::exchange(entry.current, ufrag);
  by_ufrag_.insert_or_assign(std::move(ufrag), agent);
}

void Mux::ForgetUfrag(AgentId agent, const std::string& ufrag) {
  const auto found = by_ufrag_.find(ufrag);
  if (found != by_ufrag_.end() && found->second == agent) {
    by_ufrag_.erase(found);
  }
}

void Mux::Remove(AgentId agent) {
  const auto found = agents_.find(agent);
  if (found == agents_.end()) {
    return;
  }
  ForgetUfrag(agent, found->second.current);
  ForgetUfrag(agent, found->second.previous);
  agents_.erase(found);
}

void Mux::NoteSent(AgentId agent, ByteView datagram) {
  const auto message = stun::Message::Parse(datagram);
  const auto sender = agents_.find(agent);
  if (!message || message->type() != stun::kBindingRequest ||
      sender == agents_.end()) {
    return;
  }
  const auto [entry, is_new] = by_transaction_.emplace(
      message->id(), Sender{.agent = agent, .number = sender->second.number});
  if (!is_new) {
    return;  // a retransmit
  }
  oldest_first_.push_back(message->id());
  const size_t most = max_transactions_ + per_agent_ * agents_.size();
  while (oldest_first_.size() > most) {
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
    if (found == by_transaction_.end()) {
      return std::nullopt;
    }
    const Sender& sender = found->second;
    const auto agent = agents_.find(sender.agent);
    return agent != agents_.end() && agent->second.number == sender.number
               ? std::optional(sender.agent)
               : std::nullopt;
  }
  const auto ufrags = ReadUfrags(*message);
  if (!ufrags || ufrags->receiver.empty()) {
    return std::nullopt;
  }
  const auto found = by_ufrag_.find(ufrags->receiver);
  return found == by_ufrag_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace natkit::ice
