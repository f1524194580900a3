#include "natkit/mesh/tag.h"

#include <gtest/gtest.h>

#include <string>

namespace natkit::mesh {
namespace {

TEST(IsTag, TakesALetterThenLettersDigitsAndHyphens) {
  for (const char* text :
       {"tag:a", "tag:Web-1", "tag:z9", "tag:A--", "tag:tag"}) {
    EXPECT_TRUE(IsTag(text)) << text;
  }
  for (const char* text :
       {"", "tag:", "tag", "web", "Tag:web", "tag:1", "tag:-a", "tag:a b",
        "tag:a_b", "tag:a.b", "tag:tag:a", "tag:caf\xc3\xa9", " tag:a"}) {
    EXPECT_FALSE(IsTag(text)) << text;
  }
}

TEST(IsTag, IsBounded) {
  const std::string longest =
      std::string(kTagPrefix) +
      std::string(kMaxTagLength - kTagPrefix.size(), 'a');
  EXPECT_TRUE(IsTag(longest));
  EXPECT_FALSE(IsTag(longest + "a"));
  EXPECT_TRUE(IsTagName(longest.substr(kTagPrefix.size()) + "a"));
}

}  // namespace
}  // namespace natkit::mesh
