#include "natkit/nat/ice_candidate.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "natkit/base/text.h"

namespace natkit::ice {
namespace {

/// Splits at single or repeated spaces.
class Words {
 public:
  explicit Words(std::string_view text) : rest_(text) {}

  /// Empty when there is none left.
  std::string_view Next() {
    const size_t start = std::min(rest_.find_first_not_of(' '), rest_.size());
    rest_.remove_prefix(start);
    const size_t size = std::min(rest_.find(' '), rest_.size());
    const std::string_view word = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return word;
  }

 private:
  std::string_view rest_;
};

template <class T>
bool ParseNumber(std::string_view word, T& out) {
  const auto [end, error] =
      std::from_chars(word.data(), word.data() + word.size(), out);
  return error == std::errc{} && end == word.data() + word.size();
}

std::optional<CandidateType> ParseType(std::string_view word) {
  for (const auto type :
       {CandidateType::kHost, CandidateType::kPeerReflexive,
        CandidateType::kServerReflexive, CandidateType::kRelayed}) {
    if (word == CandidateTypeName(type)) {
      return type;
    }
  }
  return std::nullopt;
}

bool StripPrefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) {
    return false;
  }
  text.remove_prefix(prefix.size());
  return true;
}

/// foundation, component, transport and priority.
Result<void> ParseHead(Words& words, Candidate& out) {
  out.foundation = words.Next();
  uint16_t component = 0;
  if (!IsIceText(out.foundation, kMaxFoundation) ||
      !ParseNumber(words.Next(), component) || component == 0 ||
      component > 256) {
    return Fail(Errc::kBadCandidate);
  }
  const bool is_udp = EqualsIgnoringCase(words.Next(), "udp");
  if (!ParseNumber(words.Next(), out.priority) || out.priority == 0) {
    return Fail(Errc::kBadCandidate);
  }
  if (component != 1 || !is_udp) {
    return Fail(Errc::kUnsupported);
  }
  return {};
}

/// connection address, port and type.
Result<void> ParseEndpoint(Words& words, Candidate& out) {
  const std::string_view host = words.Next();
  if (!ParseNumber(words.Next(), out.endpoint.port) || out.endpoint.port == 0 ||
      words.Next() != "typ") {
    return Fail(Errc::kBadCandidate);
  }
  const auto type = ParseType(words.Next());
  if (!type) {
    return Fail(Errc::kBadCandidate);
  }
  out.type = *type;
  const auto address = IpAddress::Parse(host);
  if (!address) {
    return Fail(host.ends_with(".local") ? Errc::kUnsupported
                                         : Errc::kBadCandidate);
  }
  out.endpoint.address = *address;
  return {};
}

/// raddr, rport and extensions: pairs of name and value.
Result<void> ParseTail(Words& words, Candidate& out) {
  for (auto name = words.Next(); !name.empty(); name = words.Next()) {
    const std::string_view value = words.Next();
    if (value.empty()) {
      return Fail(Errc::kBadCandidate);
    }
    if (name == "raddr") {
      const auto address = IpAddress::Parse(value);
      if (!address) {
        return Fail(Errc::kBadCandidate);
      }
      out.base.address = *address;
    } else if (name == "rport" && !ParseNumber(value, out.base.port)) {
      return Fail(Errc::kBadCandidate);
    }
  }
  if (out.type == CandidateType::kHost) {
    out.base = out.endpoint;
  }
  return {};
}

}  // namespace

std::string_view CandidateTypeName(CandidateType type) {
  switch (type) {
    case CandidateType::kHost:
      return "host";
    case CandidateType::kPeerReflexive:
      return "prflx";
    case CandidateType::kServerReflexive:
      return "srflx";
    case CandidateType::kRelayed:
      return "relay";
  }
  std::unreachable();
}

uint8_t TypePreference(CandidateType type) {
  switch (type) {
    case CandidateType::kHost:
      return 126;
    case CandidateType::kPeerReflexive:
      return 110;
    case CandidateType::kServerReflexive:
      return 100;
    case CandidateType::kRelayed:
      return 0;
  }
  std::unreachable();
}

uint32_t CandidatePriority(CandidateType type, uint16_t local_preference) {
  constexpr uint32_t kComponentPart = 256 - 1;
  return (uint32_t{TypePreference(type)} << 24) |
         (uint32_t{local_preference} << 8) | kComponentPart;
}

uint64_t PairPriority(uint32_t controlling, uint32_t controlled) {
  const uint64_t low = std::min(controlling, controlled);
  const uint64_t high = std::max(controlling, controlled);
  return (low << 32) + (high << 1) + (controlling > controlled ? 1 : 0);
}

bool IsIceText(std::string_view text, size_t max_size) {
  if (text.empty() || text.size() > max_size) {
    return false;
  }
  return std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '+' || c == '/';
  });
}

bool IsUsableRemote(const Candidate& candidate) {
  const IpAddress& address = candidate.endpoint.address;
  return candidate.endpoint.port != 0 && candidate.priority != 0 &&
         !address.is_unspecified() && !address.is_multicast() &&
         address != IpAddress::V4(255, 255, 255, 255) &&
         IsIceText(candidate.foundation, kMaxFoundation);
}

std::string FormatCandidate(const Candidate& candidate,
                            RelatedAddress related) {
  std::string out = "candidate:" + candidate.foundation + " 1 udp " +
                    std::to_string(candidate.priority) + " " +
                    candidate.endpoint.address.ToString() + " " +
                    std::to_string(candidate.endpoint.port) + " typ ";
  out += CandidateTypeName(candidate.type);
  if (candidate.type == CandidateType::kHost || candidate.base == Endpoint{}) {
    return out;
  }
  Endpoint base = candidate.base;
  if (related == RelatedAddress::kHide) {
    base.address = base.address.is_v4()
                       ? IpAddress{}
                       : IpAddress::V6(std::array<uint8_t, 16>{});
    base.port = 9;
  }
  out += " raddr " + base.address.ToString() + " rport " +
         std::to_string(base.port);
  return out;
}

Result<Candidate> ParseCandidate(std::string_view text) {
  if (text.size() > kMaxCandidateText) {
    return Fail(Errc::kBadLength);
  }
  (void)StripPrefix(text, "a=");
  if (!StripPrefix(text, "candidate:")) {
    return Fail(Errc::kBadCandidate);
  }
  Words words(text);
  Candidate out;
  const auto head = ParseHead(words, out);
  if (!head) {
    return std::unexpected(head.error());
  }
  const auto endpoint = ParseEndpoint(words, out);
  if (!endpoint) {
    return std::unexpected(endpoint.error());
  }
  const auto tail = ParseTail(words, out);
  if (!tail) {
    return std::unexpected(tail.error());
  }
  return out;
}

}  // namespace natkit::ice
