// The control socket of a node, both ways. A request that is understood is
// written as a line that means the same, within the limits; whatever the other
// end answers, the client makes text of it or says that it cannot.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "control/control_protocol.h"
#include "natkit/base/bytes.h"
#include "natkit/base/check.h"

namespace {

using namespace natkit;            // NOLINT(google-build-using-namespace)
using namespace natkit::meshnode;  // NOLINT(google-build-using-namespace)

constexpr double kNow = 1'800'000'000;

bool IsOneLine(std::string_view text) {
  return !text.empty() && text.find('\n') == text.size() - 1;
}

void CheckRequest(std::string_view line) {
  const auto request = ParseRequest(line);
  if (!request) {
    NATKIT_CHECK(!request.error().empty());
    NATKIT_CHECK(IsOneLine(FormatError(request.error())));
    return;
  }
  const std::string written = FormatRequest(*request);
  NATKIT_CHECK(IsOneLine(written));
  const auto again = ParseRequest(written);
  NATKIT_CHECK(again && again->index() == request->index());
  NATKIT_CHECK(FormatRequest(*again) == written);
  NATKIT_CHECK(OnlyReads(*again) == OnlyReads(*request));
  if (const auto* ping = std::get_if<PingRequest>(&*request)) {
    NATKIT_CHECK(ping->interval >= std::chrono::milliseconds(10));
    NATKIT_CHECK(ping->interval <= std::chrono::hours(1));
    NATKIT_CHECK(ping->wait <= std::chrono::hours(1));
  }
}

void CheckAnswer(std::string_view line) {
  const auto answer = ParseAnswer(line, kNow);
  if (!answer) {
    return;
  }
  if (const auto* status = std::get_if<StatusAnswer>(&*answer)) {
    NATKIT_CHECK(!status->json.empty() && status->table.ends_with('\n'));
  } else if (const auto* result = std::get_if<ResultAnswer>(&*answer)) {
    const std::string text = FormatResult(result->json);
    NATKIT_CHECK(IsOneLine(text));
    const auto again = ParseAnswer(text, kNow);
    NATKIT_CHECK(again && std::get<ResultAnswer>(*again).json == result->json);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view line = AsText({data, size});
  CheckRequest(line);
  CheckAnswer(line);
  return 0;
}
