#include "options.h"

#include <charconv>

#include "natkit/base/endpoint.h"
#include "natkit/nat/stun_types.h"

namespace natkit::natcheck {

void AddOptions(CLI::App& app, Options& options) {
  app.add_option("--server", options.servers,
                 "STUN server, HOST or HOST:PORT; one with two addresses (RFC "
                 "5780) tells most; may be repeated")
      ->take_all();
  app.add_option("--local", options.locals,
                 "ADDRESS of this host to ask from; a second one stands for a "
                 "second host")
      ->take_all();
  app.add_flag("--ipv4", options.only_v4, "IPv4 alone");
  app.add_flag("--ipv6", options.only_v6, "IPv6 alone")->excludes("--ipv4");
  app.add_flag("--full", options.is_full,
               "Measure lifetimes, too: takes up to half an hour");
  app.add_option("--longest", options.longest,
                 "SECONDS; lifetimes are not measured beyond it")
      ->check(CLI::Range(20, 7200))
      ->capture_default_str();
  app.add_option("--timeout", options.timeout,
                 "SECONDS after which an address family is left as it is; 0: "
                 "when all is known")
      ->capture_default_str();
  app.add_flag("--json", options.wants_json, "Print the report as JSON");
  app.add_flag("--evidence", options.wants_evidence,
               "Print what was sent and what came back");
}

bool ParseServer(const std::string& text, ServerName& out) {
  if (const auto address = IpAddress::Parse(text)) {
    out = {.host = text, .port = stun::kDefaultPort};
    return true;
  }
  if (const auto endpoint = Endpoint::Parse(text)) {
    out = {.host = endpoint->address.ToString(), .port = endpoint->port};
    return endpoint->port != 0;
  }
  const size_t colon = text.find(':');
  out = {.host = text.substr(0, colon), .port = stun::kDefaultPort};
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

}  // namespace natkit::natcheck
