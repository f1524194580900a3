#include "tls/tls_context.h"

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "natkit/base/secret.h"
#include "natkit/tls.h"
#include "natkit/tls/certificate.h"
#include "natkit/tls/identity.h"
#include "support/convert.h"
#include "support/door.h"
#include "support/structs.h"

namespace natkit::c {

namespace {

constexpr size_t kFirstClientSize = sizeof(natkit_tls_client_config);
constexpr size_t kFirstServerSize = sizeof(natkit_tls_server_config);
constexpr size_t kMaxAppended = 16;
constexpr size_t kMaxCertificate = size_t{1} << 20;
constexpr size_t kMaxHost = 253;
constexpr size_t kMaxProtocolName = 255;
constexpr uint64_t kYear10000 = 253'402'300'800;

Result<std::chrono::sys_seconds> ToDate(uint64_t seconds) {
  if (seconds >= kYear10000) {
    return Fail(Errc::kBadArgument);
  }
  return std::chrono::sys_seconds(
      std::chrono::seconds(static_cast<int64_t>(seconds)));
}

Result<tls::Version> ToVersion(uint32_t version, tls::Version fallback) {
  switch (version) {
    case NATKIT_TLS_VERSION_DEFAULT:
      return fallback;
    case NATKIT_TLS_1_2:
      return tls::Version::kTls12;
    case NATKIT_TLS_1_3:
      return tls::Version::kTls13;
    default:
      return Fail(Errc::kBadArgument);
  }
}

Result<std::vector<std::string>> ToNames(const char* const* names,
                                         size_t count) {
  if (count > NATKIT_TLS_MAX_ALPN || (names == nullptr && count != 0)) {
    return Fail(Errc::kBadArgument);
  }
  std::vector<std::string> out;
  for (const char* const name : std::span(names, count)) {
    const auto text = ToText(name, kMaxProtocolName);
    if (!text) {
      return Fail(name == nullptr ? Errc::kBadArgument : Errc::kBadValue);
    }
    out.emplace_back(*text);
  }
  return out;
}

Result<std::vector<tls::Der>> ToCertificates(
    const natkit_tls_server_config& config) {
  const bool is_given =
      config.appended != nullptr && config.appended_sizes != nullptr;
  if (config.appended_count > kMaxAppended ||
      (config.appended_count != 0 && !is_given)) {
    return Fail(Errc::kBadArgument);
  }
  std::vector<tls::Der> out;
  for (size_t i = 0; i < config.appended_count; ++i) {
    const auto der = ToBytes(config.appended[i], config.appended_sizes[i]);
    if (!der || der->empty() || der->size() > kMaxCertificate) {
      return Fail(Errc::kBadArgument);
    }
    out.emplace_back(der->begin(), der->end());
  }
  return out;
}

Result<tls::Identity> ToIdentity(const char* chain_pem, const char* key_pem) {
  const auto chain = ToText(chain_pem, NATKIT_TLS_MAX_PEM);
  const auto key = ToText(key_pem, NATKIT_TLS_MAX_PEM);
  if (!chain || !key) {
    return Fail(Errc::kBadArgument);
  }
  return tls::Identity::FromPem(*chain, *key);
}

Result<tls::ClientOptions> ToOptions(const natkit_tls_client_config& config) {
  const auto roots = ToText(config.roots_pem == nullptr ? "" : config.roots_pem,
                            NATKIT_TLS_MAX_PEM);
  const auto date = ToDate(config.verification_time_s);
  const auto min = ToVersion(config.min_version, tls::Version::kTls12);
  const auto max = ToVersion(config.max_version, tls::Version::kTls13);
  if (!roots || !date || !min || !max || *min > *max || config.reserved != 0) {
    return Fail(Errc::kBadArgument);
  }
  auto names = ToNames(config.alpn, config.alpn_count);
  if (!names) {
    return std::unexpected(names.error());
  }
  tls::ClientOptions out{.roots_pem = std::string(*roots),
                         .min_version = *min,
                         .max_version = *max,
                         .alpn = std::move(*names)};
  if (config.insecure_no_verification != 0) {
    out.verification = tls::Verification::kInsecureForTests;
  }
  if (config.verification_time_s != 0) {
    out.verification_time = *date;
  }
  return out;
}

Result<void> MakeClient(const natkit_tls_client_config* config,
                        natkit_tls_context** out) {
  const auto given = ReadStruct(config, kFirstClientSize);
  if (!given || out == nullptr) {
    return Fail(given ? Errc::kBadArgument : given.error().code);
  }
  const auto options = ToOptions(*given);
  if (!options) {
    return std::unexpected(options.error());
  }
  auto context = tls::ClientContext::Make(*options);
  if (!context) {
    return std::unexpected(context.error());
  }
  return MakeHandle(std::make_unique<TlsContext>(std::move(*context)), out);
}

Result<void> MakeServer(const natkit_tls_server_config* config,
                        natkit_tls_context** out) {
  const auto given = ReadStruct(config, kFirstServerSize);
  if (!given || out == nullptr) {
    return Fail(given ? Errc::kBadArgument : given.error().code);
  }
  const auto version = ToVersion(given->min_version, tls::Version::kTls12);
  auto appended = ToCertificates(*given);
  if (!version || !appended || given->reserved != 0) {
    return Fail(Errc::kBadArgument);
  }
  auto names = ToNames(given->alpn, given->alpn_count);
  if (!names) {
    return std::unexpected(names.error());
  }
  const auto identity = ToIdentity(given->chain_pem, given->key_pem);
  if (!identity) {
    return std::unexpected(identity.error());
  }
  auto context =
      tls::ServerContext::Make(*identity, {.appended = std::move(*appended),
                                           .min_version = *version,
                                           .alpn = std::move(*names)});
  if (!context) {
    return std::unexpected(context.error());
  }
  return MakeHandle(std::make_unique<TlsContext>(std::move(*context)), out);
}

struct PemRoom {
  char* text;
  size_t size;
};

Result<void> PutSelfSigned(const char* host, uint64_t now, PemRoom chain,
                           PemRoom key) {
  const auto name = ToText(host, kMaxHost);
  const auto date = ToDate(now);
  if (!name || name->empty() || !date || chain.text == nullptr ||
      key.text == nullptr) {
    return Fail(Errc::kBadArgument);
  }
  const auto identity =
      tls::Identity::SelfSigned(tls::SelfSignedServerSpec(*name, *date));
  if (!identity) {
    return std::unexpected(identity.error());
  }
  const std::string certificate = identity->ChainPem();
  std::string secret = identity->ExposePrivateKeyPem();
  // Neither is written if there is no room for both.
  const bool has_room =
      certificate.size() < chain.size && secret.size() < key.size;
  const bool is_written = has_room &&
                          PutText(certificate, chain.text, chain.size) &&
                          PutText(secret, key.text, key.size);
  WipeBytes({reinterpret_cast<uint8_t*>(secret.data()), secret.size()});
  return is_written ? Result<void>() : Fail(Errc::kBufferTooSmall);
}

}  // namespace

}  // namespace natkit::c

using namespace natkit::c;
using natkit::Errc;
using natkit::Fail;
using natkit::Result;

int natkit_tls_context_new_client(const natkit_tls_client_config* config,
                                  natkit_tls_context** out) {
  return ToCode(__func__, MakeClient(config, out));
}

int natkit_tls_context_new_server(const natkit_tls_server_config* config,
                                  natkit_tls_context** out) {
  return ToCode(__func__, MakeServer(config, out));
}

int natkit_tls_context_reload(natkit_tls_context* context,
                              const char* chain_pem, const char* key_pem) {
  return WithHandle<TlsContext>(
      __func__, context, [&](TlsContext& it) -> Result<void> {
        if (it.server() == nullptr) {
          return Fail(Errc::kBadArgument);
        }
        const auto identity = ToIdentity(chain_pem, key_pem);
        if (!identity) {
          return std::unexpected(identity.error());
        }
        return it.server()->Reload(*identity);
      });
}

void natkit_tls_context_free(natkit_tls_context* context) {
  FreeHandle<TlsContext>(__func__, context);
}

int natkit_tls_make_self_signed(const char* host, uint64_t now_s,
                                char* chain_pem, size_t chain_capacity,
                                char* key_pem, size_t key_capacity) {
  return ToCode(__func__,
                PutSelfSigned(host, now_s, {chain_pem, chain_capacity},
                              {key_pem, key_capacity}));
}

int natkit_tls_get_pin(const char* chain_pem, char* buffer, size_t capacity) {
  const auto pem = ToText(chain_pem, NATKIT_TLS_MAX_PEM);
  if (!pem) {
    return Refuse(__func__, pem.error().code);
  }
  const auto chain = natkit::tls::CertificatesFromPem(*pem);
  if (!chain) {
    return Refuse(__func__, chain.error().code);
  }
  const auto pin = natkit::tls::CertificatePin::Of(chain->front());
  return ToCode(__func__, PutText(pin.ToString(), buffer, capacity));
}
