#include "support/convert.h"

#include <algorithm>
#include <climits>

#include "natkit/base/text.h"

namespace natkit::c {

static_assert(sizeof(natkit_address) == 20 && alignof(natkit_address) == 2);

namespace {

class CallerRng final : public Rng {
 public:
  explicit CallerRng(const natkit_random& random) : random_(random) {}

  void Fill(MutableBytes out) override {
    random_.fill(random_.context, out.data(), out.size());
  }

 private:
  natkit_random random_;
};

}  // namespace

Result<Endpoint> ToEndpoint(const natkit_address& address) {
  if (address.reserved != 0) {
    return Fail(Errc::kBadArgument);
  }
  const std::span ip(address.ip);
  switch (address.family) {
    case NATKIT_FAMILY_NONE:
      return Endpoint{};
    case NATKIT_FAMILY_IPV4:
      return Endpoint{.address = IpAddress::V4(ip[0], ip[1], ip[2], ip[3]),
                      .port = address.port};
    case NATKIT_FAMILY_IPV6: {
      std::array<uint8_t, 16> bytes{};
      std::ranges::copy(ip, bytes.begin());
      return Endpoint{.address = IpAddress::V6(bytes), .port = address.port};
    }
    default:
      return Fail(Errc::kBadArgument);
  }
}

Result<Endpoint> ToSetEndpoint(const natkit_address* address) {
  if (address == nullptr || address->family == NATKIT_FAMILY_NONE) {
    return Fail(Errc::kBadArgument);
  }
  return ToEndpoint(*address);
}

Result<Endpoint> ToServer(const natkit_address* address, uint16_t port) {
  Result<Endpoint> server = ToSetEndpoint(address);
  if (server && server->port == 0) {
    server->port = port;
  }
  return server;
}

natkit_address FromEndpoint(const Endpoint& endpoint) {
  natkit_address out{};
  const ByteView bytes = endpoint.address.bytes();
  out.family =
      endpoint.address.is_v4() ? NATKIT_FAMILY_IPV4 : NATKIT_FAMILY_IPV6;
  std::ranges::copy(bytes, std::begin(out.ip));
  out.port = endpoint.port;
  return out;
}

natkit_address FromIp(const IpAddress& address) {
  return FromEndpoint({.address = address, .port = 0});
}

Result<IpPrefix> ToPrefix(const natkit_prefix& prefix) {
  const Result<Endpoint> endpoint = ToSetEndpoint(&prefix.address);
  if (!endpoint || prefix.length > 128) {
    return Fail(Errc::kBadArgument);
  }
  const Result<IpPrefix> made =
      IpPrefix::Make(endpoint->address, static_cast<int>(prefix.length));
  return made ? made : Fail(Errc::kBadArgument);
}

natkit_prefix FromPrefix(const IpPrefix& prefix) {
  return {.address = FromIp(prefix.address()),
          .length = static_cast<uint32_t>(prefix.length())};
}

Result<ByteView> ToBytes(const void* data, size_t size) {
  if ((data == nullptr && size != 0) || size > PTRDIFF_MAX) {
    return Fail(Errc::kBadArgument);
  }
  return ByteView(static_cast<const uint8_t*>(data), size);
}

Result<MutableBytes> ToMutableBytes(void* data, size_t size) {
  if (data == nullptr && size != 0) {
    return Fail(Errc::kBadArgument);
  }
  return MutableBytes(static_cast<uint8_t*>(data), size);
}

Result<std::string_view> ToText(const char* text, size_t limit) {
  if (text == nullptr) {
    return Fail(Errc::kBadArgument);
  }
  const size_t length = ::strnlen(text, limit + 1);
  if (length > limit) {
    return Fail(Errc::kBadArgument);
  }
  return std::string_view(text, length);
}

Result<int> PutText(std::string_view text, char* out, size_t size) {
  if (out == nullptr) {
    return Fail(Errc::kBadArgument);
  }
  if (text.size() >= size || text.size() > INT_MAX) {
    return Fail(Errc::kBufferTooSmall);
  }
  std::ranges::copy(text, out);
  out[text.size()] = '\0';
  return static_cast<int>(text.size());
}

namespace internal {

void FillText(std::string_view text, std::span<char> out) {
  size_t size = std::min(text.size(), out.size() - 1);
  const auto continues = [&](size_t at) { return (text[at] & 0xc0) == 0x80; };
  while (size != 0 && size < text.size() && continues(size)) {
    --size;
  }
  std::ranges::fill(std::ranges::copy(text.substr(0, size), out.begin()).out,
                    out.end(), '\0');
}

void FillForeignText(std::string_view text, std::span<char> out) {
  // A character that this cuts in two is beyond what fits.
  FillText(EscapeControls(text.substr(0, out.size() + 4)), out);
}

}  // namespace internal

Result<PublicKey> ToPublicKey(const uint8_t* bytes) {
  if (bytes == nullptr) {
    return Fail(Errc::kBadArgument);
  }
  PublicKey key;
  std::copy_n(bytes, key.bytes.size(), key.bytes.begin());
  return key;
}

Result<std::unique_ptr<Rng>> MakeRng(const natkit_random* random) {
  if (random == nullptr) {
    return std::make_unique<SystemRng>();
  }
  if (random->fill == nullptr) {
    return Fail(Errc::kBadArgument);
  }
  return std::make_unique<CallerRng>(*random);
}

}  // namespace natkit::c
