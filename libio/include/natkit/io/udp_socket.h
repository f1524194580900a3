#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/packet_batch.h"
#include "natkit/base/result.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/unique_fd.h"

namespace natkit::io {

struct UdpOptions {
  size_t receive_buffer = 0;  ///< SO_RCVBUF, bytes; 0: the system's default
  size_t send_buffer = 0;     ///< SO_SNDBUF, bytes; 0: the system's default
  uint32_t fwmark = 0;        ///< SO_MARK; 0: none. Needs CAP_NET_ADMIN
  /// Bytes kept while the system's send buffer is full; what does not fit is
  /// dropped and counted.
  size_t max_backlog = size_t{256} * 1024;
  /// Neighbours in a batch of one size and to one place go through the system
  /// as one piece, which is cut up at the end of the way (UDP_SEGMENT, Linux
  /// 4.18): several times less CPU time. Where the system refuses it, they go
  /// one by one. What looks at packets on this host may see such pieces.
  bool sends_trains = false;
  /// ICMP errors are told to the handler of SetIcmpHandler().
  bool reports_icmp_errors = false;
};

/// An ICMP or ICMPv6 error about a datagram that a socket has sent.
struct IcmpError {
  IpAddress from;  ///< who says it; unspecified if that is not known
  Endpoint to;     ///< where the datagram was to go
  uint8_t type = 0;
  uint8_t code = 0;
  uint32_t info = 0;  ///< "packet too big" and its like: the next-hop MTU
};

/// Counted since the socket was bound. Datagrams, not bytes.
struct UdpCounters {
  uint64_t received = 0;
  uint64_t sent = 0;
  uint64_t receive_errors = 0;    ///< ICMP errors and the like; never fatal
  uint64_t truncated = 0;         ///< longer than 65535 bytes; not delivered
  uint64_t send_overflows = 0;    ///< dropped: the backlog was full
  uint64_t send_errors = 0;       ///< dropped: unreachable, too big, refused...
  uint64_t source_fallbacks = 0;  ///< sent from another source address: the
                                  ///< one asked for is not ours (any longer)
};

/// A bound UDP socket that moves datagrams in batches (recvmmsg, sendmmsg) and
/// knows the local address of each one (IP_PKTINFO, IPV6_RECVPKTINFO), also
/// when it is bound to a wildcard. An IPv6 socket carries IPv6 only.
class UdpSocket {
 public:
  /// Up to 64 datagrams. `meta.remote` is the sender, `meta.local` the
  /// address and port it was sent to, `meta.tag` is 0. The batch is the
  /// socket's: it is valid during the call, may be changed, is then cleared.
  using ReceiveHandler = std::function<void(PacketBatch& batch)>;

  static constexpr size_t kMaxBatch = 64;

  /// Binds; port 0 lets the system choose. Nothing is received before
  /// SetReceiveHandler(). Errors: kAddressInUse, kAddressNotAvailable,
  /// kPermissionDenied, kUnsupported (no such address family), kIo.
  [[nodiscard]] static Result<UdpSocket> Bind(EventLoop& loop,
                                              const Endpoint& local,
                                              const UdpOptions& options = {});
  /// The local address of a socket that Adopt() could take, which stays as it
  /// is. Errors: kUnsupported (not UDP over IP, not bound, or connected), kIo.
  [[nodiscard]] static Result<Endpoint> CheckAdoptable(int fd);
  /// Takes a socket that is bound already, and makes it non-blocking, without
  /// an error queue and segmentation offload; buffer sizes of 0 leave its own.
  /// Errors: those of CheckAdoptable(), kPermissionDenied.
  [[nodiscard]] static Result<UdpSocket> Adopt(EventLoop& loop, UniqueFd fd,
                                               const UdpOptions& options = {});
  ~UdpSocket();
  UdpSocket(UdpSocket&&) noexcept;
  UdpSocket& operator=(UdpSocket&&) noexcept;

  /// Starts receiving; an empty handler stops it.
  void SetReceiveHandler(ReceiveHandler on_receive);

  using IcmpHandler = std::function<void(const IcmpError&)>;

  /// Needs UdpOptions::reports_icmp_errors and a receive handler.
  void SetIcmpHandler(IcmpHandler on_error);

  /// TTL or hop limit of what is sent from now on; 0: the system's default.
  /// Errors: kPermissionDenied, kUnsupported, kIo.
  [[nodiscard]] Result<void> SetHopLimit(uint8_t limit);

  /// Sends each packet to its `meta.remote`, from its `meta.local.address`
  /// when that is not unspecified (the port is always the socket's). The
  /// bytes are copied if they cannot be sent at once. Failures are counted
  /// and hit their packet alone. Packets of the other address family count as
  /// send_errors.
  void Send(const PacketBatch& batch);

  /// Sends one datagram; `from` as `meta.local.address` above.
  void SendTo(const Endpoint& to, ByteView payload,
              const IpAddress& from = IpAddress());

  /// Sends one datagram with this IP time to live or hop limit, at once or not
  /// at all: where the system refuses, nothing is sent.
  void SendWithHopLimit(const Endpoint& to, ByteView payload,
                        const IpAddress& from, uint8_t hop_limit);

  /// Sets SO_MARK; 0 clears it. Errors: kPermissionDenied.
  [[nodiscard]] Result<void> SetFwmark(uint32_t mark);

  /// The bound address with the actual port.
  [[nodiscard]] const Endpoint& local_endpoint() const;
  [[nodiscard]] const UdpCounters& counters() const;
  /// Bytes waiting for room in the system's send buffer.
  [[nodiscard]] size_t backlog_bytes() const;

  class Impl;

 private:
  explicit UdpSocket(std::shared_ptr<Impl> impl);

  std::shared_ptr<Impl> impl_;
};

}  // namespace natkit::io
