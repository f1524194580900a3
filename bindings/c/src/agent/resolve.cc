#include <netdb.h>
#include <sys/socket.h>

#include <memory>
#include <string>

#include "natkit/agent.h"
#include "natkit/common.h"
#include "support/convert.h"
#include "support/door.h"

namespace natkit::c {
namespace {

constexpr size_t kMaxHost = 255;

struct FreeList {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

Result<std::unique_ptr<addrinfo, FreeList>> LookUp(const char* host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* list = nullptr;
  const int error = ::getaddrinfo(host, nullptr, &hints, &list);
  if (error != 0) {
    return Fail(error == EAI_AGAIN ? Errc::kTimedOut : Errc::kNotFound);
  }
  return std::unique_ptr<addrinfo, FreeList>(list);
}

Result<int> Resolve(const char* host, uint16_t port, natkit_address* out,
                    size_t capacity) {
  const auto name = ToText(host, kMaxHost);
  if (!name || out == nullptr || capacity == 0) {
    return Fail(Errc::kBadArgument);
  }
  const auto list = LookUp(host);
  if (!list) {
    return std::unexpected(list.error());
  }
  int count = 0;
  for (const addrinfo* item = list->get();
       item != nullptr && static_cast<size_t>(count) < capacity;
       item = item->ai_next) {
    natkit_address& place = out[count];
    if (natkit_address_from_sockaddr(item->ai_addr, item->ai_addrlen, &place) ==
        NATKIT_OK) {
      place.port = port;
      ++count;
    }
  }
  return count == 0 ? Result<int>(Fail(Errc::kNotFound)) : Result<int>(count);
}

}  // namespace
}  // namespace natkit::c

int natkit_resolve(const char* host, uint16_t port, natkit_address* out,
                   size_t capacity) {
  return natkit::c::ToCode(__func__,
                           natkit::c::Resolve(host, port, out, capacity));
}
