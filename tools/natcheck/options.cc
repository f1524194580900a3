#include "options.h"

#include <algorithm>
#include <string_view>

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
  app.add_option("--portal-url", options.portal_url,
                 "URL of an empty page (status 204), http://HOST[:PORT]/PATH: "
                 "is there a captive portal");
  app.add_option("--nat64-prefix", options.nat64_prefix,
                 "PREFIX of a NAT64, e.g. one that a router announces (RFC "
                 "8781); else the resolver is asked (RFC 7050)");
  app.add_flag("--json", options.wants_json, "Print the report as JSON");
  app.add_flag("--evidence", options.wants_evidence,
               "Print what was sent and what came back");
}

bool ParsePage(const std::string& text, PageName& out) {
  constexpr std::string_view kScheme = "http://";
  constexpr uint16_t kHttpPort = 80;
  const bool is_plain = std::ranges::all_of(text, [](char c) {
    return c > ' ' && c <= '~';  // nothing that could end a line of a request
  });
  if (!is_plain || !text.starts_with(kScheme)) {
    return false;
  }
  const size_t slash = text.find('/', kScheme.size());
  out.host =
      text.substr(kScheme.size(),
                  slash == std::string::npos ? slash : slash - kScheme.size());
  out.path = slash == std::string::npos ? "/" : text.substr(slash);
  return shell::ParseServer(out.host, out.server, kHttpPort);
}

}  // namespace natkit::natcheck
