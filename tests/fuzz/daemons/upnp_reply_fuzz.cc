// What a UPnP device sends us: HTTP responses, answers to searches, URLs.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "natkit/base/check.h"
#include "natkit/shell/ssdp_search.h"
#include "natkit/shell/upnp_http.h"

namespace natkit::shell {
namespace {

struct Outcome {
  HttpProgress progress = HttpProgress::kMore;
  HttpReply reply;
};

Outcome Read(std::string_view text, size_t step) {
  HttpReplyReader reader;
  HttpProgress progress = HttpProgress::kMore;
  while (!text.empty() && progress == HttpProgress::kMore) {
    progress = reader.Read(text.substr(0, step));
    text.remove_prefix(std::min(step, text.size()));
  }
  if (progress == HttpProgress::kMore) {
    progress = reader.End();
  }
  return {progress, reader.reply()};
}

/// An answer is the same in whatever pieces it comes, and never too big.
void CheckReply(std::string_view text) {
  const Outcome whole = Read(text, text.size());
  NATKIT_CHECK(whole.progress != HttpProgress::kMore);
  if (whole.progress == HttpProgress::kDone) {
    NATKIT_CHECK(whole.reply.body.size() <= kMaxUpnpBody);
    for (const size_t step : {size_t{1}, size_t{7}}) {
      const Outcome pieces = Read(text, step);
      NATKIT_CHECK(pieces.progress == HttpProgress::kDone);
      NATKIT_CHECK(pieces.reply == whole.reply);
    }
  }
}

void CheckUrl(const std::optional<HttpUrl>& url) {
  if (!url) {
    return;
  }
  NATKIT_CHECK(url->path.starts_with('/'));
  NATKIT_CHECK(url->path.find_first_of(" \r\n") == std::string::npos);
  NATKIT_CHECK(url->host.port != 0 && url->host.address.is_v4());
  const auto again =
      HttpUrl::Parse("http://" + url->host.ToString() + url->path);
  NATKIT_CHECK(!again || *again == *url);  // may have become too long
}

}  // namespace
}  // namespace natkit::shell

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using natkit::shell::HttpUrl;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  natkit::shell::CheckReply(text);
  natkit::shell::CheckUrl(natkit::shell::ParseSsdpAnswer(text));
  natkit::shell::CheckUrl(HttpUrl::Parse(text));
  natkit::shell::CheckUrl(
      HttpUrl::Parse("http://192.168.1.1:5000/")->Join(text));
  return 0;
}
