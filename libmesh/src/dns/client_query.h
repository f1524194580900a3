#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/mesh/dns/dns_message.h"
#include "natkit/mesh/dns/dns_server.h"

namespace natkit::dns {

/// A client's question: all that its answer needs.
struct ClientQuery {
  std::optional<StreamId> stream;  ///< else it was a datagram
  Endpoint local;                  ///< where the datagram was sent to
  Endpoint from;
  Message message;  ///< header, question and EDNS; no records

  /// Bytes that the client takes.
  [[nodiscard]] size_t limit() const;
};

/// A response of ours without records: id, question and flags are the
/// client's.
[[nodiscard]] Message MakeResponse(const ClientQuery& query, Rcode rcode);

/// `bytes`, parsed as `message` and `layout`, made the answer to `query`: with
/// the client's id, flags, spelling and EDNS size; too large, it is truncated.
/// nullopt: it has an OPT record that the client has not asked for, and that
/// cannot be left out.
[[nodiscard]] std::optional<std::vector<uint8_t>> RelayResponse(
    const ClientQuery& query, ByteView bytes, const Message& message,
    const MessageLayout& layout);

/// The datagram or framed message that carries `response`.
[[nodiscard]] DnsTransmit AddressTo(const ClientQuery& query,
                                    std::vector<uint8_t> response);

/// Whether TC is set in `response`.
[[nodiscard]] bool IsTruncated(ByteView response);

}  // namespace natkit::dns
