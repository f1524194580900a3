#pragma once

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>

#include "natkit/base/bytes.h"
#include "natkit/base/result.h"
#include "natkit/io/unique_fd.h"

namespace natkit::io {

/// Builds one rtnetlink request: header, family body, attributes.
class NetlinkRequest {
 public:
  template <class Body>
  NetlinkRequest(uint16_t type, uint16_t flags, const Body& body) {
    header_.nlmsg_type = type;
    header_.nlmsg_flags =
        static_cast<uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
    size_ = NLMSG_HDRLEN;
    AppendAligned(&body, sizeof body);
  }

  void Add(uint16_t type, ByteView value);
  void AddU32(uint16_t type, uint32_t value);

  /// The whole message; its length is filled in.
  [[nodiscard]] ByteView Finish();

 private:
  void AppendAligned(const void* data, size_t size);

  nlmsghdr header_{};
  size_t size_ = 0;
  alignas(nlmsghdr) std::array<uint8_t, 512> buffer_{};
};

/// Opens a route netlink socket that hears multicast `groups` (RTMGRP_*).
[[nodiscard]] Result<UniqueFd> OpenRouteSocket(uint32_t groups, int flags);

/// Sends a request and waits for the kernel's acknowledgement.
[[nodiscard]] Result<void> Transact(NetlinkRequest& request);

/// Sends a request with NLM_F_DUMP; `on_message` gets what follows the header
/// of each message of the answer.
[[nodiscard]] Result<void> Dump(
    NetlinkRequest& request,
    const std::function<void(ByteView message)>& on_message);

}  // namespace natkit::io
