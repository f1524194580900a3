#include "natkit/io/tun_device.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "fd_watcher.h"
#include "system_error.h"

namespace natkit::io {

namespace {

constexpr size_t kMaxPacket = 65535;

Result<UniqueFd> OpenTun(const std::string& name) {
  UniqueFd fd(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!fd.is_valid()) {
    const bool is_missing =
        errno == ENOENT || errno == ENODEV || errno == ENXIO;
    return is_missing ? Result<UniqueFd>(Fail(Errc::kNoDevice))
                      : Result<UniqueFd>(FailErrno());
  }
  ifreq request{};
  std::ranges::copy(name, request.ifr_name);
  // EXCL: never attach to a persistent interface that somebody else made.
  request.ifr_flags = static_cast<short>(IFF_TUN | IFF_NO_PI | IFF_TUN_EXCL);
  if (::ioctl(fd.get(), TUNSETIFF, &request) == 0) {
    return fd;
  }
  // EINVAL: an interface of another kind has the name.
  const bool is_taken = errno == EBUSY || errno == EEXIST || errno == EINVAL;
  return is_taken ? Result<UniqueFd>(Fail(Errc::kAlreadyExists))
                  : Result<UniqueFd>(FailErrno());
}

}  // namespace

// As dev_valid_name() of the kernel has it.
bool IsInterfaceName(std::string_view name) {
  static_assert(kMaxInterfaceName == IFNAMSIZ - 1);
  return !name.empty() && name.size() <= kMaxInterfaceName && name != "." &&
         name != ".." && std::ranges::none_of(name, [](unsigned char c) {
           return c == '/' || c == ':' || c == '%' || c <= ' ' || c == 0x7f;
         });
}

class TunDevice::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(EventLoop& loop, UniqueFd fd, std::string name)
      : name_(std::move(name)),
        watcher_(std::make_unique<FdWatcher>(
            loop, std::move(fd), [this](Readiness /*ready*/) { OnReady(); })) {}

  void Close() { watcher_.reset(); }

  void Start(PacketHandler on_packets, std::function<void()> on_gone) {
    on_packets_ = std::move(on_packets);
    on_gone_ = std::move(on_gone);
    watcher_->Watch({.read = true});
  }

  void Write(const PacketBatch& batch);

  [[nodiscard]] const std::string& name() const { return name_; }

  [[nodiscard]] const TunCounters& counters() const { return counters_; }

 private:
  void OnReady();
  /// Returns 0 or the errno that ended reading.
  [[nodiscard]] int ReadBatch();

  std::string name_;
  TunCounters counters_;
  PacketHandler on_packets_;
  std::function<void()> on_gone_;
  PacketBatch incoming_;
  std::unique_ptr<FdWatcher> watcher_;  // null once closed
};

void TunDevice::Impl::OnReady() {
  const auto keep_alive = shared_from_this();
  const int error = ReadBatch();
  if (!incoming_.is_empty()) {
    counters_.read += incoming_.size();
    on_packets_(incoming_);
    incoming_.Clear();
  }
  if (error == 0 || IsWouldBlock(error) || watcher_ == nullptr) {
    return;
  }
  watcher_->Watch({});  // EBADFD or EFAULT: the interface is deleted
  if (on_gone_) {
    on_gone_();
  }
}

int TunDevice::Impl::ReadBatch() {
  while (incoming_.size() < kMaxBatch) {
    const MutableBytes room = incoming_.Append(kMaxPacket, {});
    const ssize_t count = ::read(watcher_->fd(), room.data(), room.size());
    if (count <= 0) {
      incoming_.DropLast();
      return count == 0 ? 0 : errno;
    }
    incoming_.TruncateLast(static_cast<size_t>(count));
  }
  return 0;
}

void TunDevice::Impl::Write(const PacketBatch& batch) {
  for (size_t i = 0; i < batch.size(); ++i) {
    const ByteView packet = batch.bytes(i);
    if (::write(watcher_->fd(), packet.data(), packet.size()) >= 0) {
      ++counters_.written;
    } else {
      ++counters_.write_errors;
    }
  }
}

Result<TunDevice> TunDevice::Open(EventLoop& loop, const std::string& name) {
  if (!IsInterfaceName(name)) {
    return Fail(Errc::kBadValue);
  }
  auto fd = OpenTun(name);
  if (!fd) {
    return std::unexpected(fd.error());
  }
  return TunDevice(std::make_shared<Impl>(loop, *std::move(fd), name));
}

TunDevice::TunDevice(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

TunDevice::~TunDevice() {
  if (impl_ != nullptr) {
    impl_->Close();
  }
}

TunDevice::TunDevice(TunDevice&&) noexcept = default;

TunDevice& TunDevice::operator=(TunDevice&& other) noexcept {
  std::swap(impl_, other.impl_);
  return *this;
}

void TunDevice::Start(PacketHandler on_packets, std::function<void()> on_gone) {
  impl_->Start(std::move(on_packets), std::move(on_gone));
}

void TunDevice::Write(const PacketBatch& batch) {
  impl_->Write(batch);
}

const std::string& TunDevice::name() const {
  return impl_->name();
}

const TunCounters& TunDevice::counters() const {
  return impl_->counters();
}

}  // namespace natkit::io
