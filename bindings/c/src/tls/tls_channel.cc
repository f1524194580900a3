#include <algorithm>
#include <climits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "natkit/derp/meta_certificate.h"
#include "natkit/tls.h"
#include "natkit/tls/channel.h"
#include "support/convert.h"
#include "support/door.h"
#include "tls/tls_context.h"

namespace natkit::c {

namespace {

constexpr size_t kMaxHost = 253;
constexpr size_t kMaxExporterLabel = 249;
constexpr size_t kMaxExporterContext = size_t{64} * 1024;

class TlsChannel final : public Object {
 public:
  static constexpr HandleKind kKind = HandleKind::kTlsChannel;

  explicit TlsChannel(tls::Channel channel) : channel_(std::move(channel)) {}

  [[nodiscard]] tls::Channel& channel() { return channel_; }

 private:
  tls::Channel channel_;
};

Result<void> Connect(TlsContext& context, const char* host,
                     const char* certificate_name, natkit_tls_channel** out) {
  const auto name = ToText(host, kMaxHost);
  const auto certificate =
      ToText(certificate_name == nullptr ? "" : certificate_name, kMaxHost);
  if (context.client() == nullptr || !name || !certificate || out == nullptr) {
    return Fail(Errc::kBadArgument);
  }
  auto channel = tls::Channel::Client(
      *context.client(), {.host = std::string(*name),
                          .certificate_name = std::string(*certificate)});
  if (!channel) {
    return std::unexpected(channel.error());
  }
  return MakeHandle(std::make_unique<TlsChannel>(std::move(*channel)), out);
}

Result<int> ReadCiphertext(tls::Channel& channel, MutableBytes out) {
  const ByteView pending = channel.PendingCiphertext();
  const size_t size = std::min({pending.size(), out.size(), size_t{INT_MAX}});
  std::ranges::copy(pending.first(size), out.begin());
  channel.ConsumeCiphertext(size);
  return static_cast<int>(size);
}

Result<int> ToCount(const Result<size_t>& count) {
  if (!count) {
    return std::unexpected(count.error());
  }
  return static_cast<int>(*count);
}

Result<int> PutCertificate(const tls::Channel& channel, size_t index,
                           MutableBytes out) {
  const std::vector<tls::Der> chain = channel.PeerChain();
  if (index >= chain.size()) {
    return Fail(Errc::kNotFound);
  }
  const tls::Der& der = chain[index];
  if (der.size() > out.size() && out.data() != nullptr) {
    return Fail(Errc::kBufferTooSmall);
  }
  if (out.data() != nullptr) {
    std::ranges::copy(der, out.begin());
  }
  return static_cast<int>(der.size());
}

Result<int> PutDerpKey(const tls::Channel& channel, uint8_t* out) {
  if (out == nullptr) {
    return Fail(Errc::kBadArgument);
  }
  if (channel.version() != tls::Version::kTls13) {
    return 0;
  }
  const std::vector<tls::Der> chain = channel.PeerChain();
  const std::vector<ByteView> views(chain.begin(), chain.end());
  const auto meta = derp::FindMetaCertificate(views);
  if (!meta) {
    return 0;
  }
  std::ranges::copy(meta->server_key.bytes, out);
  return 1;
}

/// The body of a function that only tells something of a channel.
template <class Call>
int Ask(const char* function, const natkit_tls_channel* channel, Call&& call) {
  return WithHandle<TlsChannel>(function, channel,
                                [&](TlsChannel& it) -> Result<int> {
                                  return static_cast<int>(call(it.channel()));
                                });
}

}  // namespace

}  // namespace natkit::c

using namespace natkit::c;
using natkit::ByteView;
using natkit::Errc;
using natkit::Fail;
using natkit::MutableBytes;
using natkit::Result;
using natkit::tls::Channel;

int natkit_tls_channel_connect(const natkit_tls_context* context,
                               const char* host, const char* certificate_name,
                               natkit_tls_channel** out) {
  return WithHandle<TlsContext>(__func__, context, [&](TlsContext& it) {
    return Connect(it, host, certificate_name, out);
  });
}

int natkit_tls_channel_accept(const natkit_tls_context* context,
                              natkit_tls_channel** out) {
  return WithHandle<TlsContext>(
      __func__, context, [&](TlsContext& it) -> Result<void> {
        if (it.server() == nullptr || out == nullptr) {
          return Fail(Errc::kBadArgument);
        }
        return MakeHandle(
            std::make_unique<TlsChannel>(Channel::Server(*it.server())), out);
      });
}

void natkit_tls_channel_free(natkit_tls_channel* channel) {
  FreeHandle<TlsChannel>(__func__, channel);
}

int natkit_tls_channel_handle_ciphertext(natkit_tls_channel* channel,
                                         const void* data, size_t size) {
  return WithHandle<TlsChannel>(
      __func__, channel, [&](TlsChannel& it) -> Result<void> {
        const Result<ByteView> bytes = ToBytes(data, size);
        if (!bytes) {
          return std::unexpected(bytes.error());
        }
        return it.channel().HandleCiphertext(*bytes);
      });
}

int natkit_tls_channel_handle_end_of_stream(natkit_tls_channel* channel) {
  return WithHandle<TlsChannel>(__func__, channel, [](TlsChannel& it) {
    return it.channel().HandleEndOfStream();
  });
}

int natkit_tls_channel_read_ciphertext(natkit_tls_channel* channel,
                                       void* buffer, size_t capacity) {
  return WithHandle<TlsChannel>(
      __func__, channel, [&](TlsChannel& it) -> Result<int> {
        const Result<MutableBytes> room = ToMutableBytes(buffer, capacity);
        if (!room) {
          return std::unexpected(room.error());
        }
        return ReadCiphertext(it.channel(), *room);
      });
}

int natkit_tls_channel_get_pending_ciphertext(
    const natkit_tls_channel* channel) {
  return Ask(__func__, channel, [](Channel& it) {
    return std::min<size_t>(it.PendingCiphertext().size(), INT_MAX);
  });
}

int natkit_tls_channel_write_plaintext(natkit_tls_channel* channel,
                                       const void* data, size_t size) {
  return WithHandle<TlsChannel>(
      __func__, channel, [&](TlsChannel& it) -> Result<int> {
        const Result<ByteView> bytes = ToBytes(data, size);
        if (!bytes) {
          return std::unexpected(bytes.error());
        }
        return ToCount(it.channel().WritePlaintext(
            bytes->first(std::min<size_t>(size, INT_MAX))));
      });
}

int natkit_tls_channel_read_plaintext(natkit_tls_channel* channel, void* buffer,
                                      size_t capacity) {
  return WithHandle<TlsChannel>(
      __func__, channel, [&](TlsChannel& it) -> Result<int> {
        const Result<MutableBytes> room = ToMutableBytes(buffer, capacity);
        if (!room) {
          return std::unexpected(room.error());
        }
        return ToCount(it.channel().ReadPlaintext(*room));
      });
}

int natkit_tls_channel_close(natkit_tls_channel* channel) {
  return WithHandle<TlsChannel>(__func__, channel,
                                [](TlsChannel& it) -> Result<void> {
                                  it.channel().Close();
                                  return {};
                                });
}

int natkit_tls_channel_is_handshake_done(const natkit_tls_channel* channel) {
  return Ask(__func__, channel,
             [](Channel& it) { return it.is_handshake_done(); });
}

int natkit_tls_channel_is_peer_closed(const natkit_tls_channel* channel) {
  return Ask(__func__, channel,
             [](Channel& it) { return it.is_peer_closed(); });
}

int natkit_tls_channel_is_writable(const natkit_tls_channel* channel) {
  return Ask(__func__, channel, [](Channel& it) { return it.is_writable(); });
}

int natkit_tls_channel_get_version(const natkit_tls_channel* channel) {
  return Ask(__func__, channel, [](Channel& it) {
    const auto version = it.version();
    if (!version) {
      return NATKIT_TLS_VERSION_DEFAULT;
    }
    return *version == natkit::tls::Version::kTls13 ? NATKIT_TLS_1_3
                                                    : NATKIT_TLS_1_2;
  });
}

int natkit_tls_channel_get_alpn(const natkit_tls_channel* channel, char* buffer,
                                size_t capacity) {
  return WithHandle<TlsChannel>(__func__, channel, [&](TlsChannel& it) {
    return PutText(it.channel().alpn(), buffer, capacity);
  });
}

int natkit_tls_channel_get_error_text(const natkit_tls_channel* channel,
                                      char* buffer, size_t capacity) {
  return WithHandle<TlsChannel>(
      __func__, channel, [&](TlsChannel& it) -> Result<int> {
        if (buffer == nullptr || capacity == 0) {
          return Fail(Errc::kBadArgument);
        }
        const std::string_view text = it.channel().error_text();
        return PutText(text.substr(0, capacity - 1), buffer, capacity);
      });
}

int natkit_tls_channel_get_peer_certificate(const natkit_tls_channel* channel,
                                            size_t index, void* buffer,
                                            size_t capacity) {
  return WithHandle<TlsChannel>(
      __func__, channel, [&](TlsChannel& it) -> Result<int> {
        const Result<MutableBytes> room = ToMutableBytes(buffer, capacity);
        if (!room) {
          return std::unexpected(room.error());
        }
        return PutCertificate(it.channel(), index, *room);
      });
}

int natkit_tls_channel_get_derp_key(const natkit_tls_channel* channel,
                                    uint8_t* out) {
  return WithHandle<TlsChannel>(__func__, channel, [&](TlsChannel& it) {
    return PutDerpKey(it.channel(), out);
  });
}

int natkit_tls_channel_export(const natkit_tls_channel* channel,
                              const char* label, const void* context,
                              size_t context_size, void* out, size_t size) {
  return WithHandle<TlsChannel>(
      __func__, channel, [&](TlsChannel& it) -> Result<void> {
        const auto purpose = ToText(label, kMaxExporterLabel);
        const auto bound = ToBytes(context, context_size);
        const auto room = ToMutableBytes(out, size);
        if (!purpose || !bound || !room ||
            bound->size() > kMaxExporterContext) {
          return Fail(Errc::kBadArgument);
        }
        return it.channel().ExportKeyingMaterial(*purpose, *bound, *room);
      });
}
