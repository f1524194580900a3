#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "ethernet/mac_address.h"
#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"

namespace natkit::netsim {

/// What an ARP packet (RFC 826) or a neighbor discovery message (RFC 4861)
/// says, in common words.
struct NeighborMessage {
  enum class Kind : uint8_t {
    kQuestion,  ///< ARP request, neighbor solicitation
    kAnswer,    ///< ARP reply, neighbor advertisement
  };
  Kind kind = Kind::kQuestion;
  /// Who sent it. Unspecified in a probe for duplicates (RFC 4862, RFC 5227).
  IpAddress sender;
  std::optional<MacAddress> sender_mac;
  /// Whose hardware address is asked for, or given by an advertisement. An ARP
  /// reply gives that of its sender; both are then the same here.
  IpAddress target;

  bool operator==(const NeighborMessage&) const = default;
};

/// Reads a whole Ethernet frame; nullopt if it is not such a message or not a
/// valid one (wrong lengths, checksum, or hop limit; RFC 4861 section 7.1).
[[nodiscard]] std::optional<NeighborMessage> ParseNeighborMessage(
    ByteView frame);

/// Whether a frame is of the kinds that ParseNeighborMessage reads, valid or
/// not, or another message of neighbor discovery (routers, redirects).
[[nodiscard]] bool IsNeighborMessage(ByteView frame);

/// Where a question about `target` is sent: everybody, or the solicited-node
/// group (RFC 4291 section 2.7.1).
[[nodiscard]] MacAddress QuestionDestination(const IpAddress& target);

/// The Ethernet address of an IP multicast group (RFC 1112 section 6.4, RFC
/// 2464 section 7).
[[nodiscard]] MacAddress GroupMac(const IpAddress& group);

/// The whole frame of "who has `target`?", from one of our addresses.
[[nodiscard]] std::vector<uint8_t> BuildQuestion(const IpAddress& from,
                                                 const MacAddress& from_mac,
                                                 const IpAddress& target);

/// "`target` is at `target_mac`", to whoever asked; to everybody on the link if
/// `to` is unspecified.
[[nodiscard]] std::vector<uint8_t> BuildAnswer(const IpAddress& target,
                                               const MacAddress& target_mac,
                                               const IpAddress& to,
                                               const MacAddress& to_mac);

/// Unasked for: a gratuitous ARP request (RFC 5227 section 3) or an unsolicited
/// advertisement (RFC 4861 section 7.2.6).
[[nodiscard]] std::vector<uint8_t> BuildAnnouncement(const IpAddress& address,
                                                     const MacAddress& mac);

/// fe80::/64 with the modified EUI-64 of `mac` (RFC 4291 appendix A).
[[nodiscard]] IpAddress LinkLocalAddress(const MacAddress& mac);

}  // namespace natkit::netsim
