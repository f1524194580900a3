#include "natkit/io/udp_socket.h"

#include <fcntl.h>
#include <netinet/udp.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "event_loop_impl.h"
#include "fd_watcher.h"
#include "outgoing_messages.h"
#include "sockaddr.h"
#include "system_error.h"
#include "udp_errors.h"
#include "udp_messages.h"

namespace natkit::io {

namespace {

constexpr size_t kMaxDatagram = 65535;
/// Full batches served before other sockets get their turn.
constexpr int kBatchesPerWake = 4;

/// Headers for one system call; a thread has one set of each direction.
struct IncomingMessages {
  std::array<UdpMessage, UdpSocket::kMaxBatch> messages;
  std::array<mmsghdr, UdpSocket::kMaxBatch> headers;
};

OutgoingMessages& Outgoing() {
  thread_local OutgoingMessages messages;
  return messages;
}

IncomingMessages& Incoming() {
  thread_local IncomingMessages messages;
  return messages;
}

Result<void> ApplyOptions(int fd, AddressFamily family,
                          const UdpOptions& options) {
  const bool has_info = family == AddressFamily::kIpv4
                            ? SetOption(fd, IPPROTO_IP, IP_PKTINFO, 1)
                            : SetOption(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
  const auto set_size = [fd](int forced, int plain, size_t size) {
    const auto value = static_cast<int>(std::min<size_t>(size, INT32_MAX / 2));
    return size == 0 || SetOption(fd, SOL_SOCKET, forced, value) ||
           SetOption(fd, SOL_SOCKET, plain, value);
  };
  const bool wants_errors = options.reports_icmp_errors;
  const bool has_errors =
      !wants_errors || (family == AddressFamily::kIpv4
                            ? SetOption(fd, IPPROTO_IP, IP_RECVERR, 1)
                            : SetOption(fd, IPPROTO_IPV6, IPV6_RECVERR, 1));
  if (!has_info || !has_errors ||
      !set_size(SO_RCVBUFFORCE, SO_RCVBUF, options.receive_buffer) ||
      !set_size(SO_SNDBUFFORCE, SO_SNDBUF, options.send_buffer) ||
      (options.fwmark != 0 &&
       !SetOption(fd, SOL_SOCKET, SO_MARK, options.fwmark))) {
    return FailErrno();
  }
  return {};
}

/// Undoes what a socket's former owner may have set and this code does not
/// expect: an error queue that nobody reads would wake the loop for ever, and
/// several datagrams would be taken for one. What the system does not know is
/// not set.
void ClearOptions(int fd) {
  using Option = std::pair<int, int>;
  for (const auto& [level, name] :
       {Option(IPPROTO_IP, IP_RECVERR), Option(IPPROTO_IPV6, IPV6_RECVERR),
        Option(SOL_SOCKET, SO_TIMESTAMPING), Option(IPPROTO_UDP, UDP_GRO),
        Option(IPPROTO_UDP, UDP_SEGMENT)}) {
    (void)SetOption(fd, level, name, 0);
  }
}

/// A whole number that is an option of a socket.
Result<int> GetOption(int fd, int name) {
  int value = 0;
  socklen_t size = sizeof value;
  if (::getsockopt(fd, SOL_SOCKET, name, &value, &size) != 0) {
    return errno == ENOTSOCK ? Result<int>(Fail(Errc::kUnsupported))
                             : FailErrno();
  }
  return value;
}

}  // namespace

class UdpSocket::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(EventLoop& loop, UniqueFd fd, const UdpOptions& options)
      : loop_(loop),
        local_(LocalEndpointOf(fd.get())),
        max_backlog_(options.max_backlog),
        // A system that does not know the option would send a train as one
        // datagram.
        coupling_(options.sends_trains &&
                          SetOption(fd.get(), SOL_UDP, UDP_SEGMENT, 0)
                      ? Coupling::kTrains
                      : Coupling::kNone),
        reports_icmp_errors_(options.reports_icmp_errors),
        watcher_(std::make_unique<FdWatcher>(
            loop, std::move(fd), [this](Readiness ready) { OnReady(ready); })) {
  }

  void Close() { watcher_.reset(); }

  void SetReceiveHandler(ReceiveHandler on_receive);

  void SetIcmpHandler(IcmpHandler on_error) { on_icmp_ = std::move(on_error); }

  void Send(const PacketBatch& batch);
  void SendTo(const Endpoint& to, ByteView payload, const IpAddress& from);
  void SendWithHopLimit(const Endpoint& to, ByteView payload,
                        const IpAddress& from, uint8_t hop_limit);

  [[nodiscard]] int fd() const { return watcher_->fd(); }

  [[nodiscard]] const Endpoint& local() const { return local_; }

  [[nodiscard]] const UdpCounters& counters() const { return counters_; }

  [[nodiscard]] size_t backlog_bytes() const { return backlog_bytes_; }

 private:
  enum class Sent { kOne, kWouldBlock, kFailed };

  void OnReady(Readiness ready);
  void TakeErrors();
  void Receive();
  [[nodiscard]] size_t ReceiveBatch();
  void Take(const UdpMessage& message, ByteView bytes);
  [[nodiscard]] size_t SendFrom(const PacketBatch& batch, size_t first);
  [[nodiscard]] size_t SendChunk(const PacketBatch& batch, size_t first,
                                 size_t count, Coupling coupling,
                                 bool& would_block);
  [[nodiscard]] Sent SendAgain(const PacketBatch& batch, size_t index,
                               int error);
  void Keep(ByteView bytes, const PacketBatch::Meta& meta);
  void FlushBacklog();
  void WatchAsNeeded();

  EventLoop& loop_;
  Endpoint local_;
  size_t max_backlog_;
  Coupling coupling_;
  bool reports_icmp_errors_;
  IcmpHandler on_icmp_;
  UdpCounters counters_;
  std::shared_ptr<const ReceiveHandler> on_receive_;  // null: not receiving
  PacketBatch incoming_;
  PacketBatch single_;
  PacketBatch backlog_;
  size_t backlog_next_ = 0;
  size_t backlog_bytes_ = 0;            // not sent yet
  size_t backlog_used_ = 0;             // in the batch, sent ones included
  std::unique_ptr<FdWatcher> watcher_;  // null once closed
};

void UdpSocket::Impl::SetReceiveHandler(ReceiveHandler on_receive) {
  on_receive_ =
      on_receive == nullptr
          ? nullptr
          : std::make_shared<const ReceiveHandler>(std::move(on_receive));
  WatchAsNeeded();
}

void UdpSocket::Impl::WatchAsNeeded() {
  watcher_->Watch(
      {.read = on_receive_ != nullptr, .write = !backlog_.is_empty()});
}

void UdpSocket::Impl::OnReady(Readiness ready) {
  const auto keep_alive = shared_from_this();
  if (reports_icmp_errors_) {
    TakeErrors();
  }
  if (watcher_ == nullptr) {
    return;
  }
  if (ready.write && !backlog_.is_empty()) {
    FlushBacklog();
  }
  if (ready.read && on_receive_) {
    Receive();
  }
}

void UdpSocket::Impl::TakeErrors() {
  while (watcher_ != nullptr) {
    const auto error = TakeIcmpError(fd());
    if (!error) {
      return;
    }
    if (on_icmp_) {
      const auto on_icmp = on_icmp_;  // it may destroy the socket
      on_icmp(*error);
    }
  }
}

void UdpSocket::Impl::Receive() {
  for (int round = 0; round < kBatchesPerWake; ++round) {
    const size_t count = ReceiveBatch();
    if (!incoming_.is_empty()) {
      // Held: the handler may replace itself or destroy the socket.
      const auto on_receive = on_receive_;
      (*on_receive)(incoming_);
      incoming_.Clear();
    }
    if (watcher_ == nullptr || !on_receive_ || count < kMaxBatch) {
      return;
    }
  }
}

size_t UdpSocket::Impl::ReceiveBatch() {
  IncomingMessages& batch = Incoming();
  const MutableBytes scratch = loop_.impl().Scratch();
  for (size_t i = 0; i < kMaxBatch; ++i) {
    batch.messages[i].SetIncoming(
        scratch.subspan(i * (kMaxDatagram + 1), kMaxDatagram));
    batch.headers[i] = {batch.messages[i].header(), 0};
  }
  const int count =
      ::recvmmsg(fd(), batch.headers.data(), kMaxBatch, MSG_DONTWAIT, nullptr);
  if (count < 0) {
    if (!IsWouldBlock(errno)) {
      ++counters_.receive_errors;
    }
    return 0;
  }
  for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
    batch.messages[i].Absorb(batch.headers[i].msg_hdr);
    Take(batch.messages[i],
         scratch.subspan(i * (kMaxDatagram + 1), batch.headers[i].msg_len));
  }
  return static_cast<size_t>(count);
}

void UdpSocket::Impl::Take(const UdpMessage& message, ByteView bytes) {
  const auto remote = message.remote();
  if (message.is_truncated() || !remote) {
    ++counters_.truncated;
    return;
  }
  ++counters_.received;
  Endpoint local = local_;
  if (const auto destination = message.destination()) {
    local.address = *destination;
  }
  incoming_.AppendCopy(bytes, {.remote = *remote, .local = local});
}

void UdpSocket::Impl::Send(const PacketBatch& batch) {
  size_t next = backlog_.is_empty() ? SendFrom(batch, 0) : 0;
  for (; next < batch.size(); ++next) {
    Keep(batch.bytes(next), batch.meta(next));
  }
  WatchAsNeeded();
}

void UdpSocket::Impl::SendTo(const Endpoint& to, ByteView payload,
                             const IpAddress& from) {
  single_.Clear();
  single_.AppendCopy(payload, {.remote = to, .local = {from, 0}});
  Send(single_);
}

void UdpSocket::Impl::SendWithHopLimit(const Endpoint& to, ByteView payload,
                                       const IpAddress& from,
                                       uint8_t hop_limit) {
  UdpMessage message;
  message.SetOutgoing(to, from, payload);
  message.SetHopLimit(to, hop_limit);
  if (::sendmsg(fd(), &message.header(), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
    ++counters_.sent;
  } else {
    ++counters_.send_errors;
  }
}

/// Returns the index of the first packet that has to wait.
size_t UdpSocket::Impl::SendFrom(const PacketBatch& batch, size_t first) {
  bool would_block = false;
  while (first < batch.size() && !would_block) {
    const size_t count = std::min(kMaxBatch, batch.size() - first);
    first += SendChunk(batch, first, count, coupling_, would_block);
  }
  return first;
}

/// Returns how many packets are dealt with: sent, or failed and counted.
size_t UdpSocket::Impl::SendChunk(const PacketBatch& batch, size_t first,
                                  size_t count, Coupling coupling,
                                  bool& would_block) {
  OutgoingMessages& out = Outgoing();
  out.Prepare(batch, first, count, coupling);
  const std::span<mmsghdr> headers = out.headers();
  const int sent =
      ::sendmmsg(fd(), headers.data(), static_cast<unsigned>(headers.size()),
                 MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent > 0) {
    const size_t packets = out.PacketsIn(static_cast<size_t>(sent));
    counters_.sent += packets;
    return packets;
  }
  if (IsWouldBlock(errno)) {
    would_block = true;
    return 0;
  }
  if (const size_t train = out.PacketsIn(1); train > 1) {
    return SendChunk(batch, first, train, Coupling::kNone, would_block);
  }
  const Sent result = SendAgain(batch, first, errno);
  would_block = result == Sent::kWouldBlock;
  return would_block ? 0 : 1;
}

/// Handles the packet that made a batch stop with `error`. When its source
/// address is gone (roaming), it leaves from whatever address fits.
UdpSocket::Impl::Sent UdpSocket::Impl::SendAgain(const PacketBatch& batch,
                                                 size_t index, int error) {
  const auto& meta = batch.meta(index);
  const bool has_source = !meta.local.address.is_unspecified();
  if (has_source &&
      (error == EINVAL || error == EADDRNOTAVAIL || error == ENETUNREACH)) {
    UdpMessage message;
    message.SetOutgoing(meta.remote, {}, batch.bytes(index));
    if (::sendmsg(fd(), &message.header(), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
      ++counters_.sent;
      ++counters_.source_fallbacks;
      return Sent::kOne;
    }
    if (IsWouldBlock(errno)) {
      return Sent::kWouldBlock;
    }
  }
  ++counters_.send_errors;
  return Sent::kFailed;
}

void UdpSocket::Impl::Keep(ByteView bytes, const PacketBatch::Meta& meta) {
  if (backlog_used_ + bytes.size() > max_backlog_) {
    ++counters_.send_overflows;
    return;
  }
  backlog_.AppendCopy(bytes, meta);
  backlog_bytes_ += bytes.size();
  backlog_used_ += bytes.size();
}

void UdpSocket::Impl::FlushBacklog() {
  const size_t next = SendFrom(backlog_, backlog_next_);
  for (; backlog_next_ < next; ++backlog_next_) {
    backlog_bytes_ -= backlog_.bytes(backlog_next_).size();
  }
  if (backlog_next_ == backlog_.size()) {
    backlog_.Clear();
    backlog_next_ = 0;
    backlog_used_ = 0;
  }
  WatchAsNeeded();
}

Result<UdpSocket> UdpSocket::Bind(EventLoop& loop, const Endpoint& local,
                                  const UdpOptions& options) {
  auto fd = OpenSocket(local.address.family(), SOCK_DGRAM);
  if (!fd) {
    return std::unexpected(fd.error());
  }
  if (auto applied = ApplyOptions(fd->get(), local.address.family(), options);
      !applied) {
    return std::unexpected(applied.error());
  }
  const SockAddr address(local);
  if (::bind(fd->get(), address.get(), address.size) != 0) {
    return FailErrno();
  }
  return UdpSocket(std::make_shared<Impl>(loop, *std::move(fd), options));
}

Result<Endpoint> UdpSocket::CheckAdoptable(int fd) {
  const auto protocol = GetOption(fd, SO_PROTOCOL);
  if (!protocol) {
    return std::unexpected(protocol.error());
  }
  const Endpoint local = LocalEndpointOf(fd);
  if (*protocol != IPPROTO_UDP || local.port == 0) {
    return Fail(Errc::kUnsupported);
  }
  sockaddr_storage peer{};
  socklen_t peer_size = sizeof peer;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &peer_size) == 0) {
    return Fail(Errc::kUnsupported);  // it would hear one address only
  }
  return local;
}

Result<UdpSocket> UdpSocket::Adopt(EventLoop& loop, UniqueFd fd,
                                   const UdpOptions& options) {
  const Result<Endpoint> local = CheckAdoptable(fd.get());
  if (!local) {
    return std::unexpected(local.error());
  }
  ClearOptions(fd.get());
  const int flags = ::fcntl(fd.get(), F_GETFL);
  if (flags < 0 || ::fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK) < 0) {
    return FailErrno();
  }
  if (auto applied = ApplyOptions(fd.get(), local->address.family(), options);
      !applied) {
    return std::unexpected(applied.error());
  }
  return UdpSocket(std::make_shared<Impl>(loop, std::move(fd), options));
}

UdpSocket::UdpSocket(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

UdpSocket::~UdpSocket() {
  if (impl_ != nullptr) {
    impl_->Close();
  }
}

UdpSocket::UdpSocket(UdpSocket&&) noexcept = default;

UdpSocket& UdpSocket::operator=(UdpSocket&& other) noexcept {
  std::swap(impl_, other.impl_);
  return *this;
}

void UdpSocket::SetReceiveHandler(ReceiveHandler on_receive) {
  impl_->SetReceiveHandler(std::move(on_receive));
}

void UdpSocket::Send(const PacketBatch& batch) {
  impl_->Send(batch);
}

void UdpSocket::SendTo(const Endpoint& to, ByteView payload,
                       const IpAddress& from) {
  impl_->SendTo(to, payload, from);
}

void UdpSocket::SetIcmpHandler(IcmpHandler on_error) {
  impl_->SetIcmpHandler(std::move(on_error));
}

Result<void> UdpSocket::SetHopLimit(uint8_t limit) {
  const int value = limit == 0 ? -1 : int{limit};
  const bool is_set =
      impl_->local().address.is_v4()
          ? SetOption(impl_->fd(), IPPROTO_IP, IP_TTL, value)
          : SetOption(impl_->fd(), IPPROTO_IPV6, IPV6_UNICAST_HOPS, value);
  if (!is_set) {
    return FailErrno();
  }
  return {};
}

void UdpSocket::SendWithHopLimit(const Endpoint& to, ByteView payload,
                                 const IpAddress& from, uint8_t hop_limit) {
  impl_->SendWithHopLimit(to, payload, from, hop_limit);
}

Result<void> UdpSocket::SetFwmark(uint32_t mark) {
  if (!SetOption(impl_->fd(), SOL_SOCKET, SO_MARK, mark)) {
    return FailErrno();
  }
  return {};
}

const Endpoint& UdpSocket::local_endpoint() const {
  return impl_->local();
}

const UdpCounters& UdpSocket::counters() const {
  return impl_->counters();
}

size_t UdpSocket::backlog_bytes() const {
  return impl_->backlog_bytes();
}

}  // namespace natkit::io
