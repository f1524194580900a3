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
    {"5382-1", "4.1", kMust, "endpoint-independent mapping for TCP"},
    {"5382-2", "4.2", kMust, "all ways to open a connection"},
    {"5382-3", "4.3", kShould, "filtering by endpoint or address at most"},
    {"5382-4", "4.3", kMustNot, "answer to an unsolicited SYN within 6 s"},
    {"5382-4a", "4.3", kShould, "then port unreachable, or silence by policy"},
    {"5382-5", "5", kMust, "established connections live for 2 h 4 min"},
    {"5382-5t", "5", kMust, "half-open connections live for 4 min"},
    {"5382-6", "6", kShould, "no ALG but FTP's touches TCP payloads"},
    {"5382-7", "7.1", kMustNot, "port overloading for TCP"},
    {"5382-8", "7.2", kMust, "hairpinning for TCP"},
    {"5382-8a", "7.2", kMust, "hairpinning shows the external source"},
    {"5382-9", "7.3", kShould, "ICMP destination unreachable is translated"},
    {"5382-10", "7.3", kMustNot, "ICMP terminates a connection"},
    {"5508-1", "3.1", kMust, "ICMP queries from inside and their replies"},
    {"5508-1a", "3.1", kShould, "query identifiers independent of the host"},
    {"5508-2", "3.2", kMust, "query sessions live for 60 s"},
    {"5508-3", "4.1", kShould, "errors with a wrong ICMP checksum dropped"},
    {"5508-3a", "4.1", kShould, "errors quoting a wrong IP checksum dropped"},
    {"5508-3b", "4.1", kMust, "quoted packets may have IP options"},
    {"5508-3c", "4.1", kShouldNot, "quoted transport checksums matter"},
    {"5508-3d", "4.1", kMust, "RFC 4884 extensions are allowed for"},
    {"5508-4", "4.2.1", kMust, "errors from outside are translated"},
    {"5508-4u", "4.2.1", kShould, "errors of no mapping are dropped"},
    {"5508-5", "4.2.2", kMust, "errors from inside are translated"},
    {"5508-5u", "4.2.2", kShould, "errors from inside of no mapping dropped"},
    {"5508-6", "4.3", kMustNot, "errors refresh or end a query session"},
    {"5508-7", "5", kMust, "errors are hairpinned"},
    {"5508-7a", "5", kMust, "and go to the source of what they quote"},
    {"5508-8", "6", kShould, "ICMP error when there are no resources"},
    {"5508-9", "7", kMay, "a policy against ICMP"},
    {"5508-10a", "7", kMust, "unreachable and time exceeded"},
    {"5508-10a-echo", "7", kMust, "echo"},
    {"5508-10b", "7", kMay, "redirect, timestamp, mask, parameter problem"},
    {"5508-10c", "7", kShouldNot, "source quench, information request"},
    {"5508-11", "8", kMay, "other ICMP messages"},
    {"6888-1", "3", kMust, "the requirements for each protocol"},
    {"6888-2", "3", kMust, "paired pooling by default"},
    {"6888-3", "3", kShouldNot, "limits on the form of the address pool"},
    {"6888-4", "3", kMust, "a limit of ports per subscriber"},
    {"6888-5", "3", kShould, "a limit of memory per subscriber"},
    {"6888-6", "3", kMust, "destinations exempt from translation"},
    {"6888-7", "3", kShould, "endpoint-independent filtering"},
    {"6888-8", "3", kShouldNot, "a port is given again within 120 s"},
    {"6888-9", "3", kMust, "subscribers control mappings (PCP)"},
    {"6888-10", "3", kShould, "a MIB for management"},
    {"6888-11", "3", kMust, "at a limit no live mapping is taken"},
    {"6888-12", "4", kShouldNot, "destinations in the log"},
    {"6888-13", "5", kShould, "few ports are wasted"},
    {"6888-14", "5", kShould, "few log lines"},
    {"6888-15", "5", kShould, "ports are hard to predict"},
    {"7857-2.1", "2.1", kShould, "closing connections live for 4 min"},
    {"7857-2.2", "2.2", kMust, "RST is translated"},
    {"7857-2.2a", "2.2", kShould, "state stays for 4 min after a RST"},
    {"7857-4", "4", kShould, "paired pooling when ports run out"},
    {"7857-5", "5 and 6", kShould, "UDP and TCP are independent"},
    {"7857-7", "7", kShouldNot, "filtered packets refresh"},
    {"7857-7.1", "7.1", kShouldNot, "outbound ICMP errors refresh"},
    {"7857-8", "8", kMay, "port parity may be off"},
    {"7857-9", "9", kShould, "ports are hard to predict"},
    {"7857-10", "10", kShould, "IP identifications do not clash"},
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
