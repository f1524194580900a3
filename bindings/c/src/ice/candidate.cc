#include "ice/candidate.h"

#include <cstring>
#include <string_view>

#include "support/convert.h"
#include "support/door.h"

namespace natkit::c {

static_assert(NATKIT_ICE_HOST == static_cast<int>(ice::CandidateType::kHost) &&
              NATKIT_ICE_PEER_REFLEXIVE ==
                  static_cast<int>(ice::CandidateType::kPeerReflexive) &&
              NATKIT_ICE_SERVER_REFLEXIVE ==
                  static_cast<int>(ice::CandidateType::kServerReflexive) &&
              NATKIT_ICE_RELAYED ==
                  static_cast<int>(ice::CandidateType::kRelayed));
static_assert(NATKIT_ICE_FOUNDATION_SIZE > ice::kMaxFoundation);

Result<ice::Candidate> ToCandidate(const natkit_ice_candidate* candidate) {
  if (candidate == nullptr || candidate->type > NATKIT_ICE_RELAYED) {
    return Fail(Errc::kBadArgument);
  }
  const Result<Endpoint> endpoint = ToEndpoint(candidate->address);
  const Result<Endpoint> base = ToEndpoint(candidate->base);
  if (!endpoint || !base) {
    return Fail(Errc::kBadArgument);
  }
  ice::Candidate out{
      .type = static_cast<ice::CandidateType>(candidate->type),
      .endpoint = *endpoint,
      .base = *base,
      .priority = candidate->priority,
      .foundation = std::string(
          candidate->foundation,
          ::strnlen(candidate->foundation, NATKIT_ICE_FOUNDATION_SIZE))};
  if (out.priority == 0 || out.endpoint.port == 0 ||
      candidate->address.family == NATKIT_FAMILY_NONE ||
      !ice::IsIceText(out.foundation, ice::kMaxFoundation)) {
    return Fail(Errc::kBadCandidate);
  }
  return out;
}

natkit_ice_candidate FromCandidate(const ice::Candidate& candidate) {
  natkit_ice_candidate out{};
  out.type = static_cast<uint32_t>(candidate.type);
  out.priority = candidate.priority;
  out.address = FromEndpoint(candidate.endpoint);
  if (candidate.base != Endpoint{}) {
    out.base = FromEndpoint(candidate.base);
  }
  FillText(candidate.foundation, out.foundation);
  return out;
}

Result<ice::Candidate> ToCandidate(const char* line) {
  if (line == nullptr) {
    return Fail(Errc::kBadArgument);
  }
  // One byte and a line end more, so that the parser sees what is too long.
  constexpr size_t kLimit = ice::kMaxCandidateText + 3;
  std::string_view text(line, ::strnlen(line, kLimit));
  while (text.ends_with('\n') || text.ends_with('\r')) {
    text.remove_suffix(1);
  }
  return ice::ParseCandidate(text);
}

}  // namespace natkit::c

using namespace natkit::c;
using natkit::Errc;
using natkit::Result;
using natkit::ice::Candidate;
using natkit::ice::RelatedAddress;

int natkit_ice_candidate_format(const natkit_ice_candidate* candidate,
                                uint32_t flags, char* buffer, size_t capacity) {
  if (buffer == nullptr || (flags & ~NATKIT_ICE_HIDE_RELATED) != 0) {
    return Refuse(__func__, Errc::kBadArgument);
  }
  const Result<Candidate> given = ToCandidate(candidate);
  if (!given) {
    return Refuse(__func__, given.error().code);
  }
  const auto related =
      flags == 0 ? RelatedAddress::kShow : RelatedAddress::kHide;
  return ToCode(__func__, PutText(natkit::ice::FormatCandidate(*given, related),
                                  buffer, capacity));
}

int natkit_ice_candidate_parse(const char* text, natkit_ice_candidate* out) {
  if (out == nullptr) {
    return Refuse(__func__, Errc::kBadArgument);
  }
  const Result<Candidate> parsed = ToCandidate(text);
  if (!parsed) {
    return Refuse(__func__, parsed.error().code);
  }
  *out = FromCandidate(*parsed);
  return NATKIT_OK;
}
