#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/result.h"
#include "natkit/io/event_loop.h"

namespace natkit::io {

/// Turns host names into addresses with the system's resolver, on uv's thread
/// pool. One resolver serves any number of lookups.
class Resolver {
 public:
  /// Addresses in the system's order of preference (RFC 6724), without
  /// doubles, never empty. Errors: kNotFound (no such name or no address),
  /// kTimedOut (the name server does not answer), kIo.
  using Handler = std::function<void(Result<std::vector<IpAddress>>)>;

  explicit Resolver(EventLoop& loop);
  /// Forgets the lookups under way: their handlers are not called.
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// Looks `host` up: a name or the text of an address. `on_done` is called
  /// later, never inside this call.
  void Resolve(const std::string& host, Handler on_done);

  struct Impl;

 private:
  EventLoop& loop_;
  std::shared_ptr<Impl> impl_;
};

}  // namespace natkit::io
