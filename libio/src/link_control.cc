#include "natkit/io/link_control.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include "netlink.h"
#include "sockaddr.h"

namespace natkit::io {

namespace {

uint8_t FamilyByte(const IpAddress& address) {
  return static_cast<uint8_t>(DomainOf(address.family()));
}

Result<void> ChangeFlags(uint32_t index, unsigned flags) {
  ifinfomsg body{};
  body.ifi_index = static_cast<int>(index);
  body.ifi_change = IFF_UP;
  body.ifi_flags = flags;
  NetlinkRequest request(RTM_NEWLINK, 0, body);
  return Transact(request);
}

Result<void> ChangeAddress(uint16_t type, uint16_t flags, uint32_t index,
                           const IpAddress& address, int prefix_length) {
  if (prefix_length < 0 || prefix_length > address.bit_count()) {
    return Fail(Errc::kBadValue);
  }
  ifaddrmsg body{};
  body.ifa_family = FamilyByte(address);
  body.ifa_prefixlen = static_cast<uint8_t>(prefix_length);
  body.ifa_index = index;
  // A tunnel has no neighbours that could have the address too.
  body.ifa_flags = address.is_v6() ? IFA_F_NODAD : 0;
  NetlinkRequest request(type, flags, body);
  request.Add(IFA_LOCAL, address.bytes());
  request.Add(IFA_ADDRESS, address.bytes());
  return Transact(request);
}

Result<void> ChangeRoute(uint16_t type, uint16_t flags, uint32_t index,
                         const IpPrefix& to, std::optional<uint32_t> table) {
  rtmsg body{};
  body.rtm_family = FamilyByte(to.address());
  body.rtm_dst_len = static_cast<uint8_t>(to.length());
  body.rtm_table = RT_TABLE_UNSPEC;
  body.rtm_protocol = RTPROT_BOOT;
  body.rtm_scope = to.address().is_v4() ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  body.rtm_type = RTN_UNICAST;
  NetlinkRequest request(type, flags, body);
  request.Add(RTA_DST, to.address().bytes());
  request.AddU32(RTA_OIF, index);
  request.AddU32(RTA_TABLE, table.value_or(RT_TABLE_MAIN));
  return Transact(request);
}

}  // namespace

Result<LinkControl> LinkControl::Find(const std::string& name) {
  const unsigned index = ::if_nametoindex(name.c_str());
  if (index == 0) {
    return Fail(Errc::kNoDevice);
  }
  return LinkControl(index);
}

Result<void> LinkControl::SetUp() {
  return ChangeFlags(index_, IFF_UP);
}

Result<void> LinkControl::SetDown() {
  return ChangeFlags(index_, 0);
}

Result<void> LinkControl::SetMtu(uint32_t mtu) {
  ifinfomsg body{};
  body.ifi_index = static_cast<int>(index_);
  NetlinkRequest request(RTM_NEWLINK, 0, body);
  request.AddU32(IFLA_MTU, mtu);
  return Transact(request);
}

Result<void> LinkControl::AddAddress(const IpAddress& address,
                                     int prefix_length) {
  return ChangeAddress(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, index_,
                       address, prefix_length);
}

Result<void> LinkControl::RemoveAddress(const IpAddress& address,
                                        int prefix_length) {
  auto removed = ChangeAddress(RTM_DELADDR, 0, index_, address, prefix_length);
  if (!removed && removed.error().code == Errc::kAddressNotAvailable) {
    return Fail(Errc::kNotFound);
  }
  return removed;
}

Result<void> LinkControl::AddRoute(const IpPrefix& to,
                                   std::optional<uint32_t> table) {
  return ChangeRoute(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, index_, to,
                     table);
}

Result<void> LinkControl::RemoveRoute(const IpPrefix& to,
                                      std::optional<uint32_t> table) {
  return ChangeRoute(RTM_DELROUTE, 0, index_, to, table);
}

}  // namespace natkit::io
