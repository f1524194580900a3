#include "run/conntrack.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <cerrno>

#include "run/files.h"

namespace natkit::netsim {
namespace {

struct Request {
  nlmsghdr header;
  nfgenmsg body;
};

struct Acknowledgement {
  nlmsghdr header;
  nlmsgerr result;
};

}  // namespace

Outcome<void> FlushConntrack() {
  const FileDescriptor netlink(
      socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
  Request request{};
  request.header.nlmsg_len = sizeof(request);
  request.header.nlmsg_type =
      (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_DELETE;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  request.body.nfgen_family = AF_UNSPEC;
  request.body.version = NFNETLINK_V0;
  // Without a tuple in the request, the deletion is for all entries.
  if (!netlink.is_open() || send(netlink.get(), &request, sizeof(request), 0) !=
                                static_cast<ssize_t>(sizeof(request))) {
    return std::unexpected(SystemFailure("cannot flush connection tracking"));
  }
  Acknowledgement answer{};
  const ssize_t size = recv(netlink.get(), &answer, sizeof(answer), MSG_TRUNC);
  if (size < static_cast<ssize_t>(sizeof(answer)) ||
      answer.header.nlmsg_type != NLMSG_ERROR || answer.result.error != 0) {
    errno = size < 0 ? errno : -answer.result.error;
    return std::unexpected(SystemFailure("cannot flush connection tracking"));
  }
  return {};
}

}  // namespace natkit::netsim
