#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "behavior/axis_tests.h"

namespace natkit::nat::behavior {
namespace {

constexpr int kNoContent = 204;
constexpr int kAuthenticationRequired = 511;  // RFC 6585: a portal says so

/// Whether an answer is what portals give; errors may be the page's own.
bool IsOfPortal(int status) {
  return status / 100 == 2 || status / 100 == 3 ||
         status == kAuthenticationRequired;
}

/// The status of an HTTP/1 answer; nullopt if it is none.
std::optional<int> StatusOf(std::string_view answer) {
  constexpr std::string_view kVersion = "HTTP/1.";
  constexpr size_t kStatusAt = 9;  // "HTTP/1.1 204"
  if (!answer.starts_with(kVersion) || answer.size() < kStatusAt + 3) {
    return std::nullopt;
  }
  int status = 0;
  const char* const begin = answer.data() + kStatusAt;
  const auto [end, error] = std::from_chars(begin, begin + 3, status);
  if (error != std::errc{} || end != begin + 3) {
    return std::nullopt;
  }
  return status;
}

/// Asks for a page that is known to be empty (nat.md 13.6): who answers
/// something else wants to be seen first.
class PortalTest final : public AxisTest {
 public:
  using AxisTest::AxisTest;

  Task<> Run() override;

 private:
  Task<std::optional<std::string>> Get(const PortalPage* page);
};

Task<std::optional<std::string>> PortalTest::Get(const PortalPage* page) {
  Request request;
  request.local = {.address = config().local_addresses.front(), .port = 0};
  request.to = page->server;
  const std::string text =
      "GET " + page->path + " HTTP/1.1\r\nHost: " + page->host +
      "\r\nConnection: close\r\nUser-Agent: natkit\r\n\r\n";
  const ByteView view = AsBytes(text);
  std::vector<uint8_t> bytes(view.begin(), view.end());
  Task<StreamExchange> asking =
      lab().TransactRawStream(std::move(request), std::move(bytes));
  StreamExchange result = co_await asking;
  result.exchange.probe.asked = "http get " + page->path;
  session().Keep(Axis::kCaptivePortal, result.exchange.probe);
  if (!result.exchange.arrival) {
    co_return std::nullopt;
  }
  co_return std::string(AsText(result.exchange.arrival->raw));
}

Task<> PortalTest::Run() {
  const auto& page = config().portal_page;
  if (!page) {
    co_return;
  }
  if (page->server.address.family() !=
      config().local_addresses.front().family()) {
    session().Untested(Axis::kCaptivePortal,
                       "the page has no address of this family");
    co_return;
  }
  Task<std::optional<std::string>> getting = Get(&*page);
  const std::optional<std::string> answer = co_await getting;
  const std::optional<int> status = answer ? StatusOf(*answer) : std::nullopt;
  if (!answer) {
    session().DoNotKnow(Axis::kCaptivePortal,
                        page->server.ToString() + " does not answer");
  } else if (!status) {
    session().DoNotKnow(Axis::kCaptivePortal, "the answer is not HTTP");
  } else if (*status == kNoContent) {
    session().Determine(Axis::kCaptivePortal, "no");
  } else if (!IsOfPortal(*status)) {
    session().DoNotKnow(
        Axis::kCaptivePortal,
        "the answer is an error: status " + std::to_string(*status));
  } else {
    session().Determine(
        Axis::kCaptivePortal, "yes",
        "a page came that should be empty: status " + std::to_string(*status));
  }
}

}  // namespace

AxisTestPtr MakePortalTest(Session& session) {
  return std::make_unique<PortalTest>(session);
}

}  // namespace natkit::nat::behavior
