#include "alpn.h"

#include <algorithm>
#include <limits>

namespace natkit::tls {
namespace {

constexpr size_t kMaxName = std::numeric_limits<uint8_t>::max();
constexpr size_t kMaxList = std::numeric_limits<uint16_t>::max();

/// Takes the first name off an encoded list; empty at its end or if it lies
/// about a length.
ByteView TakeName(ByteView& list) {
  if (list.empty() || list.size() - 1 < list[0]) {
    list = {};
    return {};
  }
  const ByteView name = list.subspan(1, list[0]);
  list = list.subspan(1 + name.size());
  return name;
}

bool Contains(ByteView list, ByteView wanted) {
  while (!list.empty()) {
    if (std::ranges::equal(TakeName(list), wanted)) {
      return true;
    }
  }
  return false;
}

int Select(SSL* /*ssl*/, const uint8_t** out, uint8_t* out_size,
           const uint8_t* offered, unsigned offered_size, void* ours) {
  ByteView left(*static_cast<const std::vector<uint8_t>*>(ours));
  while (!left.empty()) {
    const ByteView name = TakeName(left);
    if (Contains({offered, offered_size}, name)) {
      *out = name.data();
      *out_size = static_cast<uint8_t>(name.size());
      return SSL_TLSEXT_ERR_OK;
    }
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

}  // namespace

Result<std::vector<uint8_t>> EncodeAlpn(const std::vector<std::string>& names) {
  std::vector<uint8_t> encoded;
  for (const auto& name : names) {
    if (name.empty() || name.size() > kMaxName) {
      return Fail(Errc::kBadValue);
    }
    encoded.push_back(static_cast<uint8_t>(name.size()));
    encoded.insert(encoded.end(), name.begin(), name.end());
  }
  if (encoded.size() > kMaxList) {
    return Fail(Errc::kBadValue);
  }
  return encoded;
}

bool OfferAlpn(SSL_CTX* context, ByteView encoded) {
  // Unlike its neighbours this function returns 0 when all is well.
  return SSL_CTX_set_alpn_protos(context, encoded.data(),
                                 static_cast<unsigned>(encoded.size())) == 0;
}

void SelectAlpnFrom(SSL_CTX* context, const std::vector<uint8_t>* encoded) {
  // The callback only reads; its argument has no const in the C interface.
  SSL_CTX_set_alpn_select_cb(context, Select,
                             const_cast<std::vector<uint8_t>*>(encoded));
}

}  // namespace natkit::tls
