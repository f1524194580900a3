#include "shell/node_shell_relays.h"

#include <algorithm>
#include <utility>

#include "natkit/shell/files.h"

namespace natkit::meshnode {

namespace {

Outcome<tls::ClientContext> MakeTls(const RelayStreams::Relays& relays) {
  tls::ClientOptions options;
  const bool needs_roots = std::ranges::any_of(relays, [](const auto& relay) {
    return !relay.second.is_plain && relay.second.pin.empty();
  });
  if (needs_roots) {
    auto roots = shell::ReadSystemRoots();
    if (!roots) {
      return std::unexpected(roots.error());
    }
    options.roots_pem = std::move(*roots);
  }
  auto context = tls::ClientContext::Make(options);
  if (!context) {
    return std::unexpected("cannot use the system's trusted roots: " +
                           DescribeError(context.error().code));
  }
  return std::move(*context);
}

}  // namespace

Outcome<void> RelayStreams::SetRelays(Relays relays) {
  auto tls = MakeTls(relays);
  if (!tls) {
    return std::unexpected(tls.error());
  }
  tls_ = std::move(*tls);
  relays_ = std::move(relays);
  return {};
}

void RelayStreams::Open(mesh::RelayId stream) {
  const mesh::RelayEntry& entry = relays_.at(mesh::RelayOf(stream));
  streams_.Open(stream, *tls_,
                {.host = entry.host,
                 .port = entry.port,
                 .certificate_name = entry.pin,
                 .is_plain = entry.is_plain});
}

}  // namespace natkit::meshnode
