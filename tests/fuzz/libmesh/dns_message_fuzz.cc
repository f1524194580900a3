// DNS messages: what parses must build and parse to the same value, and the
// layout must be the bytes'. Names go through their text form.

#include <cstdint>

#include "natkit/base/check.h"
#include "natkit/mesh/dns/dns_message.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace natkit::dns;  // NOLINT(google-build-using-namespace)
  MessageLayout layout;
  const auto message = ParseMessage({data, size}, &layout);
  if (!message) {
    NATKIT_CHECK(message.error().offset <= size);
    return 0;
  }
  NATKIT_CHECK(layout.question_end > kHeaderSize);
  NATKIT_CHECK(layout.question_end <= size);
  NATKIT_CHECK(message->edns.has_value() == (layout.opt_record != 0));
  NATKIT_CHECK(layout.opt_record_end <= size);
  const Name& name = message->question.name;
  const auto again = Name::FromText(name.ToText());
  NATKIT_CHECK(again.has_value() && again->IsSpelledLike(name));
  NATKIT_CHECK(name.IsWithin(name.Parent()));

  const auto built = BuildMessage(*message);
  if (!built) {
    NATKIT_CHECK(size >
                 8192);  // compression may not find what the sender's did
    return 0;
  }
  const auto parsed = ParseMessage(*built);
  NATKIT_CHECK(parsed.has_value() && *parsed == *message);
  const auto head = BuildTruncatedIfLarger(*message, kMinUdpSize);
  NATKIT_CHECK(!head.empty() && head.size() <= kMinUdpSize);
  NATKIT_CHECK(ParseMessage(head).has_value());
  return 0;
}
