#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"
#include "portmap/http.h"
#include "portmap/lease_book.h"
#include "portmap/soap.h"

namespace natkit::netsim::portmap {

/// Error codes of WANIPConnection:2 and of the UPnP Device Architecture.
enum class IgdError : uint16_t {
  kInvalidAction = 401,
  kInvalidArgs = 402,
  kActionFailed = 501,
  kNotAuthorized = 606,
  kBadIndex = 713,
  kNoSuchEntry = 714,
  kNoWildcardExternalPort = 716,
  kConflict = 718,
  kOnlyWildcardRemoteHost = 726,
  kNoPortsLeft = 728,
  kConflictWithOthers = 729,
  kNoWildcardInternalPort = 732,
};

/// The HTTP side of a UPnP Internet Gateway Device, version 2: descriptions
/// and the control of its WANIPConnection and WANCommonInterfaceConfig. Pure;
/// the lease book outlives it.
///
/// Hosts map ports only to themselves. A lease of 0 seconds is one of 604,800
/// (WANIPConnection:2 section 2.3.7), as is a longer one; UPnP could not tell
/// the client of another, so the box's own maximum does not apply. Remote
/// hosts, disabled mappings and IPv6 pinholes are refused.
class Igd {
 public:
  explicit Igd(LeaseBook& leases) : leases_(leases) {}

  [[nodiscard]] std::vector<uint8_t> Answer(Instant now,
                                            const IpAddress& client,
                                            const IpAddress& server,
                                            const HttpRequest& request);

  /// Where the uptime counts from.
  void SetBootTime(Instant now) { boot_time_ = now; }

 private:
  using Outcome = std::expected<SoapValues, IgdError>;

  struct Call;
  struct Action;
  struct MappingArguments;

  [[nodiscard]] std::vector<uint8_t> Control(Instant now,
                                             const IpAddress& client,
                                             const HttpRequest& request);
  [[nodiscard]] Outcome Perform(const Call& call);
  [[nodiscard]] static std::expected<MappingArguments, IgdError> ReadMapping(
      const Call& call);
  [[nodiscard]] std::expected<Lease, IgdError> Map(
      const Call& call, const MappingArguments& arguments,
      bool must_be_suggested);

  // One function per action.
  Outcome AddPortMapping(const Call& call);
  Outcome AddAnyPortMapping(const Call& call);
  Outcome DeletePortMapping(const Call& call);
  Outcome GetExternalIpAddress(const Call& call);
  Outcome GetSpecificEntry(const Call& call);
  Outcome GetGenericEntry(const Call& call);
  Outcome GetStatusInfo(const Call& call);
  Outcome GetConnectionTypeInfo(const Call& call);
  Outcome GetNatRsipStatus(const Call& call);
  Outcome GetCommonLinkProperties(const Call& call);

  LeaseBook& leases_;
  Instant boot_time_{};
};

/// The device's UUID, made from its address; "uuid:..." included.
[[nodiscard]] std::string IgdUuid(const IpAddress& server);

inline constexpr std::string_view kIgdDescriptionPath = "/rootDesc.xml";

}  // namespace natkit::netsim::portmap
