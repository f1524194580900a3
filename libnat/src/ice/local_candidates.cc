#include "ice/local_candidates.h"

#include <algorithm>

namespace natkit::ice {
namespace {

uint16_t LocalPreferenceOf(const Candidate& candidate) {
  return static_cast<uint16_t>(candidate.priority >> 8);
}

bool IsUsableLocal(const Endpoint& endpoint) {
  return endpoint.port != 0 && !endpoint.address.is_unspecified() &&
         !endpoint.address.is_multicast();
}

}  // namespace

Result<Candidate> LocalCandidates::AddHost(const Endpoint& base) {
  const auto is_new = CheckNew(base, base);
  if (!is_new) {
    return std::unexpected(is_new.error());
  }
  const auto preference =
      FreePreference(CandidateType::kHost, kMaxLocalPreference);
  return items_.emplace_back(Candidate{
      .type = CandidateType::kHost,
      .endpoint = base,
      .base = base,
      .priority = CandidatePriority(CandidateType::kHost, preference),
      .foundation = FoundationOf(
          {.type = CandidateType::kHost, .base = base.address, .server = {}})});
}

Result<Candidate> LocalCandidates::AddReflexive(
    CandidateType type, const Endpoint& mapped, const Endpoint& base,
    const std::optional<IpAddress>& server) {
  const Candidate* host = FindHost(base);
  if (host == nullptr) {
    return Fail(Errc::kNotFound);
  }
  const bool is_learnt = type == CandidateType::kPeerReflexive;
  if (is_learnt && items_.size() >= limit_ / 2) {
    return Fail(Errc::kLimitExceeded);
  }
  const uint16_t preferred = LocalPreferenceOf(*host);
  if (!is_learnt) {  // signalled ones replace what checks have shown
    std::erase_if(items_, [&](const Candidate& item) {
      return item.type == CandidateType::kPeerReflexive &&
             item.endpoint == mapped && item.base == base;
    });
  }
  const auto is_new = CheckNew(mapped, base);
  if (!is_new) {
    return std::unexpected(is_new.error());
  }
  if (!is_learnt) {
    DropOldReflexive(base);
  }
  const auto preference = FreePreference(type, preferred);
  return items_.emplace_back(
      Candidate{.type = type,
                .endpoint = mapped,
                .base = base,
                .priority = CandidatePriority(type, preference),
                .foundation = FoundationOf(
                    {.type = type, .base = base.address, .server = server})});
}

void LocalCandidates::RemoveBase(const Endpoint& base) {
  std::erase_if(items_, [&](const Candidate& candidate) {
    return candidate.base == base;
  });
}

void LocalCandidates::RemovePeerReflexive() {
  std::erase_if(items_, [](const Candidate& candidate) {
    return candidate.type == CandidateType::kPeerReflexive;
  });
}

const Candidate* LocalCandidates::FindHost(const Endpoint& base) const {
  const auto found = std::ranges::find_if(items_, [&](const Candidate& item) {
    return item.type == CandidateType::kHost && item.base == base;
  });
  return found == items_.end() ? nullptr : &*found;
}

uint32_t LocalCandidates::CheckPriority(const Candidate& host) {
  return CandidatePriority(CandidateType::kPeerReflexive,
                           LocalPreferenceOf(host));
}

Result<void> LocalCandidates::CheckNew(const Endpoint& endpoint,
                                       const Endpoint& base) const {
  if (!IsUsableLocal(endpoint)) {
    return Fail(Errc::kBadCandidate);
  }
  const bool is_known = std::ranges::any_of(items_, [&](const auto& item) {
    return item.endpoint == endpoint && item.base == base;
  });
  if (is_known) {
    return Fail(Errc::kAlreadyExists);
  }
  if (items_.size() >= limit_) {
    return Fail(Errc::kLimitExceeded);
  }
  return {};
}

void LocalCandidates::DropOldReflexive(const Endpoint& base) {
  constexpr ptrdiff_t kKept = 4;
  const auto is_reflexive = [&](const Candidate& item) {
    return item.type == CandidateType::kServerReflexive && item.base == base;
  };
  if (std::ranges::count_if(items_, is_reflexive) >= kKept) {
    items_.erase(std::ranges::find_if(items_, is_reflexive));
  }
}

uint16_t LocalCandidates::FreePreference(CandidateType type,
                                         uint16_t start) const {
  // RFC 8445 section 5.1.2.1: unique among candidates of one type.
  const auto is_taken = [&](uint16_t preference) {
    return std::ranges::any_of(items_, [&](const Candidate& item) {
      return item.type == type && LocalPreferenceOf(item) == preference;
    });
  };
  while (start > 0 && is_taken(start)) {
    --start;
  }
  return start;
}

std::string LocalCandidates::FoundationOf(const Origin& origin) {
  const auto [entry, is_new] = foundations_.try_emplace(origin, 0);
  if (is_new) {
    entry->second = ++last_foundation_;
  }
  const uint32_t number = entry->second;
  if (foundations_.size() > 4 * limit_ + 4) {
    foundations_.clear();  // bases that come and go must not pile up
  }
  return std::to_string(number);
}

}  // namespace natkit::ice
