#include "natkit/wg/device_counters.h"

namespace natkit::wg {

namespace {

constexpr std::array<std::string_view, kDropReasonCount> kNames = {
    "malformed",         "no_private_key",
    "bad_mac1",          "cookie_required",
    "rate_limited",      "handshake_auth",
    "unknown_peer",      "timestamp_replayed",
    "initiation_flood",  "unexpected_response",
    "unexpected_cookie", "unknown_index",
    "session_expired",   "data_auth",
    "data_replayed",     "bad_inner_packet",
    "not_allowed",       "bad_plaintext",
    "no_route",          "no_endpoint",
    "staged_overflow",   "staged_flushed",
};
static_assert(static_cast<size_t>(DropReason::kStagedFlushed) + 1 ==
              kDropReasonCount);

}  // namespace

std::string_view DropReasonName(DropReason reason) {
  return kNames[static_cast<size_t>(reason)];
}

}  // namespace natkit::wg
