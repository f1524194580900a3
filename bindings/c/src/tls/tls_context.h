#pragma once

#include <utility>
#include <variant>

#include "natkit/tls/context.h"
#include "support/handle_table.h"

namespace natkit::c {

/// What a natkit_tls_context stands for.
class TlsContext final : public Object {
 public:
  static constexpr HandleKind kKind = HandleKind::kTlsContext;

  explicit TlsContext(tls::ClientContext context)
      : context_(std::move(context)) {}

  explicit TlsContext(tls::ServerContext context)
      : context_(std::move(context)) {}

  /// Null if it is for servers.
  [[nodiscard]] const tls::ClientContext* client() const {
    return std::get_if<tls::ClientContext>(&context_);
  }

  /// Null if it is for clients.
  [[nodiscard]] tls::ServerContext* server() {
    return std::get_if<tls::ServerContext>(&context_);
  }

 private:
  std::variant<tls::ClientContext, tls::ServerContext> context_;
};

}  // namespace natkit::c
