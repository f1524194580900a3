#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/result.h"

/// Routes in tables of one's own and the rules that lead to them, over
/// rtnetlink. Everything made here carries kOwnProtocol; nothing of others is
/// ever replaced, removed or listed.
///
/// Common errors: kPermissionDenied (no CAP_NET_ADMIN), kNoDevice,
/// kUnsupported (the family is not there), kIo.
namespace natkit::io {

/// Who made a route or rule (`proto` in ip(8)'s lists).
constexpr uint8_t kOwnProtocol = 110;
constexpr uint32_t kMainTable = 254;

struct TableRoute {
  enum class Kind : uint8_t { kInterface, kUnreachable, kThrow };

  IpPrefix to;
  uint32_t table = kMainTable;
  Kind kind = Kind::kInterface;
  uint32_t interface = 0;  ///< index, with kInterface
  uint32_t metric = 1;     ///< over 0; the lowest is preferred

  bool operator==(const TableRoute&) const = default;
};

/// Adds it, or replaces what has the same table, prefix and metric.
[[nodiscard]] Result<void> PutRoute(const TableRoute& route);
/// Errors: kNotFound when it is not there.
[[nodiscard]] Result<void> RemoveRoute(const TableRoute& route);
/// Those in `table`.
[[nodiscard]] Result<std::vector<TableRoute>> ListRoutes(AddressFamily family,
                                                         uint32_t table);

/// A packet with all that is said here goes by `table`.
struct PolicyRule {
  AddressFamily family = AddressFamily::kIpv4;
  uint32_t priority = 0;  ///< the lowest is asked first
  uint32_t table = kMainTable;
  std::optional<uint32_t> unless_mark;  ///< all packets but those with it
  std::optional<uint32_t> only_mark;    ///< not together with unless_mark
  std::optional<IpPrefix> to;
  uint8_t ip_protocol = 0;        ///< 0: any
  uint16_t source_port = 0;       ///< 0: any
  uint16_t destination_port = 0;  ///< 0: any
  /// Routes of the table that are as short or shorter do not count.
  std::optional<uint32_t> suppress_prefix_length;

  bool operator==(const PolicyRule&) const = default;
};

/// Errors: kAlreadyExists.
[[nodiscard]] Result<void> AddRule(const PolicyRule& rule);
/// Errors: kNotFound when it is not there.
[[nodiscard]] Result<void> RemoveRule(const PolicyRule& rule);
/// Those with a priority of `first` to `last`: priority, family and table alone
/// are filled in, which is enough to remove one.
[[nodiscard]] Result<std::vector<PolicyRule>> ListRules(AddressFamily family,
                                                        uint32_t first,
                                                        uint32_t last);

}  // namespace natkit::io
