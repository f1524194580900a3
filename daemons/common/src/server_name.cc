#include "natkit/shell/server_name.h"

#include <charconv>
#include <utility>

#include "natkit/io/resolver.h"

namespace natkit::shell {

bool ParseServer(const std::string& text, ServerName& out,
                 uint16_t default_port) {
  if (const auto address = IpAddress::Parse(text)) {
    out = {.host = text, .port = default_port};
    return true;
  }
  if (const auto endpoint = Endpoint::Parse(text)) {
    out = {.host = endpoint->address.ToString(), .port = endpoint->port};
    return endpoint->port != 0;
  }
  const size_t colon = text.find(':');
  out = {.host = text.substr(0, colon), .port = default_port};
  if (colon != std::string::npos) {
    const char* const end = text.data() + text.size();
    const auto [stop, error] =
        std::from_chars(text.data() + colon + 1, end, out.port);
    if (error != std::errc{} || stop != end || out.port == 0) {
      return false;
    }
  }
  return !out.host.empty();
}

std::vector<Result<std::vector<IpAddress>>> LookUp(
    io::EventLoop& loop, const std::vector<ServerName>& names,
    Duration patience) {
  std::vector<Result<std::vector<IpAddress>>> found(names.size(),
                                                    Fail(Errc::kTimedOut));
  size_t waiting = names.size();
  io::Resolver resolver(loop);
  for (size_t i = 0; i < names.size(); ++i) {
    resolver.Resolve(names[i].host, [&found, &waiting, i](auto addresses) {
      found[i] = std::move(addresses);
      --waiting;
    });
  }
  loop.RunUntil([&waiting] { return waiting == 0; }, patience);
  return found;
}

}  // namespace natkit::shell
