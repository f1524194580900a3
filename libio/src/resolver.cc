#include "natkit/io/resolver.h"

#include <netdb.h>
#include <uv.h>

#include <algorithm>
#include <set>
#include <utility>

#include "event_loop_impl.h"
#include "sockaddr.h"

namespace natkit::io {

namespace {

Errc ErrcOfLookup(int status) {
  switch (status) {
    case UV_EAI_AGAIN:
      return Errc::kTimedOut;
    case UV_EAI_NONAME:
    case UV_EAI_NODATA:
    case UV_EAI_ADDRFAMILY:
    case UV_EAI_FAMILY:
      return Errc::kNotFound;
    default:
      return Errc::kIo;
  }
}

Result<std::vector<IpAddress>> AddressesOf(const addrinfo* first) {
  std::vector<IpAddress> addresses;
  for (const addrinfo* item = first; item != nullptr; item = item->ai_next) {
    const auto endpoint = ToEndpoint(item->ai_addr, item->ai_addrlen);
    if (endpoint &&
        std::ranges::find(addresses, endpoint->address) == addresses.end()) {
      addresses.push_back(endpoint->address);
    }
  }
  if (addresses.empty()) {
    return Fail(Errc::kNotFound);
  }
  return addresses;
}

}  // namespace

/// Outlived by nothing: lookups under way hold it weakly.
struct Resolver::Impl {
  std::set<uv_getaddrinfo_t*> running;
};

namespace {

/// uv owns it from a successful start until its callback.
struct Lookup {
  uv_getaddrinfo_t request{};
  std::weak_ptr<Resolver::Impl> resolver;
  Resolver::Handler on_done;

  static void OnDone(uv_getaddrinfo_t* request, int status, addrinfo* list) {
    const std::unique_ptr<Lookup> self(static_cast<Lookup*>(request->data));
    const std::unique_ptr<addrinfo, decltype(&::uv_freeaddrinfo)> owner(
        list, &::uv_freeaddrinfo);
    const auto resolver = self->resolver.lock();
    if (resolver == nullptr) {
      return;
    }
    resolver->running.erase(request);
    self->on_done(status == 0 ? AddressesOf(list) : Fail(ErrcOfLookup(status)));
  }
};

}  // namespace

Resolver::Resolver(EventLoop& loop)
    : loop_(loop), impl_(std::make_shared<Impl>()) {}

Resolver::~Resolver() {
  for (uv_getaddrinfo_t* request : impl_->running) {
    uv_cancel(reinterpret_cast<uv_req_t*>(request));
  }
}

void Resolver::Resolve(const std::string& host, Handler on_done) {
  auto lookup = std::make_unique<Lookup>();
  lookup->request.data = lookup.get();
  lookup->resolver = impl_;
  lookup->on_done = std::move(on_done);
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_DGRAM;  // one entry per address
  const int status =
      uv_getaddrinfo(&loop_.impl().loop, &lookup->request, Lookup::OnDone,
                     host.c_str(), nullptr, &hints);
  if (status == 0) {
    impl_->running.insert(&lookup.release()->request);
    return;
  }
  loop_.Post([weak = lookup->resolver, handler = std::move(lookup->on_done)] {
    if (!weak.expired()) {
      handler(Fail(Errc::kNotFound));  // not a name that can be looked up
    }
  });
}

}  // namespace natkit::io
