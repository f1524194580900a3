#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/result.h"

namespace natkit::ice {

/// What a response says of each name, in lower case.
struct MdnsResponse {
  uint16_t id = 0;
  std::map<std::string, std::vector<IpAddress>, std::less<>> addresses;
};

/// A query for the A and AAAA records of `name`, with the unicast-response bit
/// (RFC 6762 section 5.4). `name` must be an IsMdnsName().
[[nodiscard]] std::vector<uint8_t> BuildMdnsQuery(uint16_t id,
                                                  std::string_view name);

/// Parses a response (RFC 1035 section 4.1): its A and AAAA answers, at most 32
/// records. Names that do not end in a label of theirs, forward pointers and
/// records that overrun are errors: kTruncated, kBadLength, kUnsupported (no
/// response).
[[nodiscard]] Result<MdnsResponse> ParseMdnsResponse(ByteView datagram);

}  // namespace natkit::ice
