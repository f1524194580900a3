#include <algorithm>

#include "natkit/base/text.h"
#include "natkit/derp/frame.h"
#include "natkit/derp/http.h"
#include "wire/ascii.h"

namespace natkit::derp {
namespace {

constexpr size_t kMaxChallenge = 64;

std::string_view ReasonPhrase(int status) {
  switch (status) {
    case 101:
      return "Switching Protocols";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 204:
      return "No Content";
    case 302:
      return "Found";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 426:
      return "Upgrade Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 507:
      return "Insufficient Storage";
    default:
      return "Status";
  }
}

bool IsRead(const HttpRequest& request) {
  return request.method == "GET" || request.method == "HEAD";
}

HttpResponse TextResponse(int status, std::string body) {
  HttpResponse response{.status = status, .body = std::move(body)};
  response.headers.Add("Content-Type", "text/plain; charset=utf-8");
  return response;
}

bool IsChallengeCharacter(char c) {
  return IsAlphanumericAscii(c) || c == '.' || c == '-' || c == '_' || c == ':';
}

HttpResponse RespondToGenerate204(const HttpRequest& request) {
  HttpResponse response{.status = 204};
  response.headers.Add(
      "Cache-Control",
      "no-cache, no-store, must-revalidate, no-transform, max-age=0");
  const auto challenge = request.headers.Find("X-Tailscale-Challenge");
  if (challenge && !challenge->empty() && challenge->size() <= kMaxChallenge &&
      std::ranges::all_of(*challenge, IsChallengeCharacter)) {
    response.headers.Add("X-Tailscale-Response",
                         "response " + std::string(*challenge));
  }
  return response;
}

HttpResponse RespondToProbe(const HttpRequest& request) {
  if (!IsRead(request)) {
    HttpResponse response = TextResponse(405, "bogus probe method\n");
    response.headers.Add("Allow", "GET, HEAD");
    return response;
  }
  HttpResponse response;
  response.headers.Add("Access-Control-Allow-Origin", "*");
  return response;
}

HttpResponse RespondToDerp(const HttpSite& site) {
  if (site.relay == RelayMode::kDisabled) {
    return TextResponse(404, "derp server disabled\n");
  }
  HttpResponse response =
      TextResponse(426, "DERP requires connection upgrade\n");
  response.headers.Add("Upgrade", "DERP");
  response.headers.Add("Connection", "close");
  return response;
}

void AddBrowserHeaders(HttpResponse& response) {
  response.headers.Add("Strict-Transport-Security",
                       "max-age=63072000; includeSubDomains");
  response.headers.Add(
      "Content-Security-Policy",
      "default-src 'none'; frame-ancestors 'none'; form-action 'none'; "
      "base-uri 'self'; block-all-mixed-content; style-src 'unsafe-inline'");
  response.headers.Add("X-Frame-Options", "DENY");
  response.headers.Add("X-Content-Type-Options", "nosniff");
}

HttpResponse RespondToRobots() {
  HttpResponse response = TextResponse(200, "User-agent: *\nDisallow: /\n");
  AddBrowserHeaders(response);
  return response;
}

HttpResponse RespondWithLandingPage(const HttpSite& site) {
  HttpResponse response;
  if (!site.home_redirect.empty()) {
    response.status = 302;
    response.headers.Add("Location", site.home_redirect);
  } else {
    response.body = site.landing_html;
    response.headers.Add("Content-Type", "text/html; charset=utf-8");
  }
  AddBrowserHeaders(response);
  return response;
}

}  // namespace

std::string SerializeResponse(const HttpResponse& response,
                              std::string_view method) {
  std::string out = "HTTP/1.1 " + std::to_string(response.status) + " ";
  out += ReasonPhrase(response.status);
  out += "\r\n";
  for (const auto& [name, value] : response.headers.all()) {
    out += name + ": " + value + "\r\n";
  }
  if (response.status != 204) {
    out += "Content-Length: " + std::to_string(response.body.size()) + "\r\n";
  }
  out += "\r\n";
  if (method != "HEAD" && response.status != 204) {
    out += response.body;
  }
  return out;
}

HttpResponse RespondToRequest(const HttpRequest& request,
                              const HttpSite& site) {
  const std::string_view path = request.path();
  if (path == "/derp") {
    return RespondToDerp(site);
  }
  if (path == "/derp/probe" || path == "/derp/latency-check") {
    return RespondToProbe(request);
  }
  if (path == "/generate_204") {
    return RespondToGenerate204(request);
  }
  if (path == "/robots.txt") {
    return RespondToRobots();
  }
  return RespondWithLandingPage(site);
}

HttpResponse RespondOnPlainPort(const HttpRequest& request) {
  if (request.path() == "/generate_204") {
    return RespondToGenerate204(request);
  }
  const std::string_view host = request.headers.Find("Host").value_or("");
  if (!IsRead(request) || host.empty() || !request.target.starts_with('/')) {
    return TextResponse(400, "Use HTTPS\n");
  }
  HttpResponse response{.status = 302};
  const bool is_literal = host.starts_with('[');
  const size_t port = host.find(':', is_literal ? host.find(']') : 0);
  response.headers.Add(
      "Location",
      "https://" + std::string(host.substr(0, port)) + request.target);
  return response;
}

UpgradeKind ClassifyUpgrade(const HttpRequest& request) {
  const auto upgrade = request.headers.Find("Upgrade");
  if (request.path() != "/derp" || !upgrade) {
    return UpgradeKind::kNone;
  }
  if (EqualsIgnoringCase(*upgrade, "websocket")) {
    const auto protocol = request.headers.Find("Sec-WebSocket-Protocol");
    if (protocol && protocol->find("derp") != std::string_view::npos) {
      return UpgradeKind::kWebSocket;
    }
  } else if (!EqualsIgnoringCase(*upgrade, "derp")) {
    return UpgradeKind::kNone;
  }
  return request.headers.Find("Derp-Fast-Start") == "1"
             ? UpgradeKind::kFastStart
             : UpgradeKind::kDerp;
}

std::string UpgradeResponse(const PublicKey& server_key) {
  return "HTTP/1.1 101 Switching Protocols\r\n"
         "Upgrade: DERP\r\n"
         "Connection: Upgrade\r\n"
         "Derp-Version: " +
         std::to_string(kProtocolVersion) +
         "\r\nDerp-Public-Key: " + server_key.ToHex() + "\r\n\r\n";
}

}  // namespace natkit::derp
