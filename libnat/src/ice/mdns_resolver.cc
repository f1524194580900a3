#include "natkit/nat/mdns_resolver.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "ice/mdns_message.h"
#include "natkit/base/queue.h"

namespace natkit::ice {
namespace {

using std::chrono::seconds;

constexpr std::array<Duration, 3> kWaits = {seconds(1), seconds(2), seconds(2)};
constexpr std::string_view kSuffix = ".local";
constexpr size_t kUuidSize = 36;
constexpr size_t kMaxQueued = 4 * MdnsResolver::kMaxNames;

bool IsHex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
         (c >= 'A' && c <= 'F');
}

std::string LowerCase(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

/// The word of a candidate line that is its address: the fifth.
std::string_view AddressWord(std::string_view text) {
  std::string_view word;
  for (int i = 0; i < 5; ++i) {
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    word = text.substr(0, text.find(' '));
    text.remove_prefix(word.size());
  }
  return word;
}

}  // namespace

const Endpoint MdnsResolver::kGroupV4{IpAddress::V4(224, 0, 0, 251), kPort};
const Endpoint MdnsResolver::kGroupV6{
    IpAddress::V6({0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xfb}),
    kPort};

bool IsMdnsName(std::string_view name) {
  if (name.size() != kUuidSize + kSuffix.size() ||
      LowerCase(name.substr(kUuidSize)) != kSuffix) {
    return false;
  }
  for (size_t i = 0; i < kUuidSize; ++i) {
    const bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (is_dash ? name[i] != '-' : !IsHex(name[i])) {
      return false;
    }
  }
  return true;
}

Result<NamedCandidate> ParseNamedCandidate(std::string_view text) {
  if (text.size() > kMaxCandidateText) {
    return Fail(Errc::kBadLength);
  }
  const std::string_view name = AddressWord(text);
  if (!IsMdnsName(name)) {
    return Fail(Errc::kUnsupported);
  }
  std::string with_address(text);
  with_address.replace(static_cast<size_t>(name.data() - text.data()),
                       name.size(), "0.0.0.0");
  auto candidate = ParseCandidate(with_address);
  if (!candidate) {
    return std::unexpected(candidate.error());
  }
  if (candidate->type != CandidateType::kHost) {
    return Fail(Errc::kUnsupported);
  }
  return NamedCandidate{std::move(*candidate), LowerCase(name)};
}

Result<void> MdnsResolver::Add(Instant now, const NamedCandidate& candidate) {
  const std::string name = LowerCase(candidate.name);
  if (!IsMdnsName(name) || candidate.candidate.endpoint.port == 0) {
    return Fail(Errc::kBadCandidate);
  }
  size_t waiting = resolved_.size();
  for (const auto& [known, question] : questions_) {
    waiting += question.candidates.size();
  }
  const auto found = questions_.find(name);
  const bool is_new = found == questions_.end();
  if (waiting >= kMaxCandidates || (is_new && questions_.size() >= kMaxNames)) {
    return Fail(Errc::kLimitExceeded);
  }
  last_now_ = std::max(last_now_, now);
  if (!is_new) {
    auto& known = found->second.candidates;
    if (std::ranges::find(known, candidate.candidate) == known.end()) {
      known.push_back(candidate.candidate);
    }
    return {};
  }
  Question& question = questions_[name];
  question.id = static_cast<uint16_t>(rng_.NextU32());
  question.candidates.push_back(candidate.candidate);
  Ask(now, name, question);
  return {};
}

void MdnsResolver::Ask(Instant now, const std::string& name,
                       Question& question) {
  for (const Endpoint& group : {kGroupV4, kGroupV6}) {
    if (transmits_.size() >= kMaxQueued) {
      break;  // the owner does not drain
    }
    transmits_.push_back({group, BuildMdnsQuery(question.id, name)});
  }
  question.next = now + kWaits[static_cast<size_t>(question.sends)];
  ++question.sends;
}

bool MdnsResolver::HandleDatagram(Instant now, const Endpoint& from,
                                  ByteView datagram) {
  if (from.port != kPort || questions_.empty()) {
    return false;
  }
  const auto response = ParseMdnsResponse(datagram);
  if (!response) {
    ++counters_.bad_responses;
    return false;
  }
  last_now_ = std::max(last_now_, now);
  bool is_ours = false;
  for (const auto& [name, addresses] : response->addresses) {
    const auto question = questions_.find(name);
    // Unicast answers repeat the ID of the query, multicast ones have 0.
    if (question != questions_.end() &&
        (response->id == 0 || response->id == question->second.id)) {
      is_ours = true;
      Resolve(question, addresses);
    }
  }
  return is_ours;
}

void MdnsResolver::Resolve(const Questions::iterator& question,
                           const std::vector<IpAddress>& addresses) {
  std::vector<Candidate> candidates = std::move(question->second.candidates);
  questions_.erase(question);
  if (addresses.size() != 1) {
    ++counters_.ambiguous;
    return;
  }
  ++counters_.resolved;
  for (Candidate& candidate : candidates) {
    candidate.endpoint.address = addresses.front();
    candidate.base = candidate.endpoint;
    if (IsUsableRemote(candidate) && !addresses.front().is_loopback()) {
      resolved_.push_back(std::move(candidate));
    }
  }
}

void MdnsResolver::HandleTimeout(Instant now) {
  last_now_ = std::max(last_now_, now);
  for (auto entry = questions_.begin(); entry != questions_.end();) {
    Question& question = entry->second;
    if (now < question.next) {
      ++entry;
    } else if (static_cast<size_t>(question.sends) < kWaits.size()) {
      Ask(now, entry->first, question);
      ++entry;
    } else {
      ++counters_.unanswered;
      entry = questions_.erase(entry);
    }
  }
}

std::optional<Transmit> MdnsResolver::PollTransmit() {
  return TakeFront(transmits_);
}

std::optional<Candidate> MdnsResolver::PollCandidate() {
  return TakeFront(resolved_);
}

std::optional<Instant> MdnsResolver::NextTimeout() const {
  if (!transmits_.empty() || !resolved_.empty()) {
    return last_now_;
  }
  std::optional<Instant> next;
  for (const auto& [name, question] : questions_) {
    next = std::min(next.value_or(Instant::max()), question.next);
  }
  return next;
}

}  // namespace natkit::ice
