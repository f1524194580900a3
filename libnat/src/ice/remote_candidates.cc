#include "ice/remote_candidates.h"

#include <algorithm>
#include <string>

namespace natkit::ice {

Result<RemoteCandidates::Outcome> RemoteCandidates::Add(
    const Candidate& candidate) {
  if (!IsUsableRemote(candidate)) {
    return Fail(Errc::kBadCandidate);
  }
  if (Candidate* known = Find(candidate.endpoint)) {
    if (known->type != CandidateType::kPeerReflexive ||
        candidate.type == CandidateType::kPeerReflexive) {
      return Outcome::kKnown;
    }
    *known = candidate;
    return Outcome::kUpdated;
  }
  if (items_.size() >= limit_) {
    return Fail(Errc::kLimitExceeded);
  }
  items_.push_back(candidate);
  return Outcome::kAdded;
}

const Candidate* RemoteCandidates::FindOrLearn(const Endpoint& from,
                                               uint32_t priority) {
  if (const Candidate* known = Find(from)) {
    return known;
  }
  const Candidate learnt{.type = CandidateType::kPeerReflexive,
                         .endpoint = from,
                         .base = {},
                         .priority = priority,
                         .foundation = "prflx" + std::to_string(++learnt_)};
  if (items_.size() >= limit_ || !IsUsableRemote(learnt)) {
    return nullptr;
  }
  return &items_.emplace_back(learnt);
}

void RemoteCandidates::Remove(const Endpoint& endpoint) {
  std::erase_if(items_, [&](const Candidate& candidate) {
    return candidate.endpoint == endpoint;
  });
}

bool RemoteCandidates::Has(const Endpoint& endpoint) const {
  return std::ranges::find(items_, endpoint, &Candidate::endpoint) !=
         items_.end();
}

Candidate* RemoteCandidates::Find(const Endpoint& endpoint) {
  const auto found = std::ranges::find(items_, endpoint, &Candidate::endpoint);
  return found == items_.end() ? nullptr : &*found;
}

}  // namespace natkit::ice
