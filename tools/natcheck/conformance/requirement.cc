#include "requirement.h"

#include <algorithm>
#include <array>

namespace natkit::natcheck::conformance {
namespace {

using enum Level;

// RFC 7857 gives its requirements no numbers: its section and a word do.
constexpr auto kRequirements = std::to_array<Requirement>({
    {"4787-1", "4.1", kMust, "endpoint-independent mapping"},
    {"4787-2", "4.1", kShould, "paired address pooling"},
    {"4787-3", "4.2.1", kMustNot, "port overloading"},
    {"4787-3a", "4.2.1", kShould, "well-known source ports stay well-known"},
    {"4787-4", "4.2.2", kShould, "port parity is preserved"},
    {"4787-5", "4.3", kMust, "a mapping lives for two minutes"},
    {"4787-5a", "4.3", kMay, "shorter timers for well-known ports"},
    {"4787-5c", "4.3", kShould, "a mapping lives for five minutes"},
    {"4787-6", "4.3", kMust, "outbound packets refresh"},
    {"4787-6a", "4.3", kMay, "inbound packets refresh"},
    {"4787-7", "4.4", kMust, "equal addresses inside and outside"},
    {"4787-8", "5", kShould, "filtering by endpoint or address at most"},
    {"4787-9", "6", kMust, "hairpinning"},
    {"4787-9a", "6", kMust, "hairpinning shows the external source"},
    {"4787-10", "7", kShould, "no ALG touches UDP payloads"},
    {"4787-10a", "7", kShould, "each ALG can be switched off"},
    {"4787-11", "8", kMust, "deterministic behavior"},
    {"4787-12", "9", kMustNot, "ICMP terminates a mapping"},
    {"4787-12a", "9", kShouldNot, "ICMP filtered by its source address"},
    {"4787-12b", "9", kShould, "ICMP destination unreachable is supported"},
    {"4787-13", "10", kMust, "DF=1: answered with \"fragmentation needed\""},
    {"4787-13a", "10", kMust, "DF=0: fragmented"},
    {"4787-14", "11", kMust, "fragments in and out of order are received"},
    {"4787-14a", "11", kMust, "a flood of fragments harms nobody else"},
});

constexpr std::array<std::string_view, 5> kWords = {
    "MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY"};

}  // namespace

std::string_view LevelWord(Level level) {
  return kWords[static_cast<size_t>(level)];
}

int Requirement::rfc() const {
  int number = 0;
  for (const char digit : id.substr(0, id.find('-'))) {
    number = number * 10 + (digit - '0');
  }
  return number;
}

std::span<const Requirement> Requirements() {
  return kRequirements;
}

const Requirement* FindRequirement(std::string_view id) {
  const auto* found = std::ranges::find(kRequirements, id, &Requirement::id);
  return found == kRequirements.end() ? nullptr : found;
}

}  // namespace natkit::natcheck::conformance
