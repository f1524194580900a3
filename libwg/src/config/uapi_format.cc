#include <cerrno>
#include <chrono>
#include <utility>

#include "natkit/base/encoding.h"
#include "natkit/base/secret.h"
#include "natkit/wg/uapi.h"

namespace natkit::wg {

namespace {

void Wipe(std::string& text) {
  WipeBytes({reinterpret_cast<uint8_t*>(text.data()), text.size()});
}

/// Collects lines in a buffer that is wiped, not left behind, when it grows.
class LineWriter {
 public:
  LineWriter() { text_.reserve(4096); }

  void Add(std::string_view key, std::string_view value) {
    MakeRoom(key.size() + value.size() + 2);
    text_.append(key).append("=").append(value).append("\n");
  }

  void Add(std::string_view key, uint64_t value) {
    Add(key, std::to_string(value));
  }

  void AddSecret(std::string_view key, ByteView secret) {
    std::string hex = ToHex(secret);
    Add(key, hex);
    Wipe(hex);
  }

  SecretText Finish() {
    Add("errno", 0);
    MakeRoom(1);
    text_.append("\n");
    return SecretText(std::move(text_));
  }

 private:
  void MakeRoom(size_t size) {
    if (text_.capacity() - text_.size() >= size) {
      return;
    }
    std::string larger;
    larger.reserve(2 * text_.capacity() + size);
    larger.append(text_);
    Wipe(text_);
    text_ = std::move(larger);
  }

  std::string text_;
};

void AddLastHandshake(LineWriter& out, const PeerStatus& peer) {
  using std::chrono::duration_cast;
  using std::chrono::seconds;
  const Duration at = peer.last_handshake.value_or(Duration::zero());
  const auto whole = duration_cast<seconds>(at);
  out.Add("last_handshake_time_sec", static_cast<uint64_t>(whole.count()));
  out.Add("last_handshake_time_nsec",
          static_cast<uint64_t>((at - whole).count()));
}

void AddPeer(LineWriter& out, const Device& device, const PeerStatus& peer) {
  out.Add("public_key", peer.public_key.ToHex());
  if (const PresharedKey* key = device.preshared_key(peer.id)) {
    out.AddSecret("preshared_key", key->Expose());
  }
  out.Add("protocol_version", 1);
  if (peer.endpoint) {
    out.Add("endpoint", peer.endpoint->ToString());
  }
  AddLastHandshake(out, peer);
  out.Add("tx_bytes", peer.tx_bytes);
  out.Add("rx_bytes", peer.rx_bytes);
  const auto keepalive = std::chrono::duration_cast<std::chrono::seconds>(
      peer.persistent_keepalive);
  out.Add("persistent_keepalive_interval",
          static_cast<uint64_t>(keepalive.count()));
  for (const IpPrefix& prefix : peer.allowed_ips) {
    out.Add("allowed_ip", prefix.ToString());
  }
}

// What a program on the other end of the configuration socket makes of it.
int ErrnoOf(Errc code) {
  switch (code) {
    case Errc::kLimitExceeded:
      return ENOSPC;
    case Errc::kAddressInUse:
      return EADDRINUSE;
    case Errc::kPermissionDenied:
      return EPERM;
    default:
      return EINVAL;
  }
}

bool IsGet(std::string_view request) {
  return request == "get=1\n\n" || request == "get=1\n" || request == "get=1";
}

}  // namespace

SecretText::SecretText(SecretText&& other) noexcept
    : text_(std::move(other.text_)) {
  Wipe(other.text_);
  other.text_.clear();
}

SecretText& SecretText::operator=(SecretText&& other) noexcept {
  if (this != &other) {
    Wipe(text_);
    text_ = std::move(other.text_);
    Wipe(other.text_);
    other.text_.clear();
  }
  return *this;
}

SecretText::~SecretText() {
  Wipe(text_);
}

SecretText FormatGet(const Device& device) {
  LineWriter out;
  if (const StaticPrivateKey* key = device.private_key()) {
    out.AddSecret("private_key", key->Expose());
  }
  if (device.listen_port() != 0) {
    out.Add("listen_port", device.listen_port());
  }
  if (device.fwmark() != 0) {
    out.Add("fwmark", device.fwmark());
  }
  for (const PeerStatus& peer : device.ListPeers()) {
    AddPeer(out, device, peer);
  }
  return out.Finish();
}

std::string FormatSetResult(const Result<void>& result) {
  const int number = result ? 0 : ErrnoOf(result.error().code);
  return "errno=" + std::to_string(-number) + "\n\n";
}

SecretText HandleUapiRequest(Instant now, Device& device,
                             std::string& request) {
  if (IsGet(request)) {
    return FormatGet(device);
  }
  Result<void> result = Fail(Errc::kBadConfig);
  if (request.starts_with("set=1\n")) {
    Result<DeviceUpdate> update = ParseSet(request);
    result = update ? device.Apply(now, std::move(*update))
                    : Result<void>(std::unexpected(update.error()));
  }
  Wipe(request);
  request.clear();
  return SecretText(FormatSetResult(result));
}

}  // namespace natkit::wg
