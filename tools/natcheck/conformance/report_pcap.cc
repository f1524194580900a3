#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "natkit/netsim/pcapng.h"
#include "report.h"

namespace natkit::natcheck::conformance {
namespace {

/// An entry and the test that it belongs to.
struct Entry {
  const Evidence* evidence = nullptr;
  const Record* record = nullptr;
  size_t number = 0;  ///< in the order of the tests
};

std::vector<Entry> AllPackets(const Report& report) {
  std::vector<Entry> entries;
  std::set<const Record*> known;
  for (const Finding& finding : report.findings) {
    if (finding.record == nullptr ||
        !known.insert(finding.record.get()).second) {
      continue;
    }
    for (const Evidence& entry : finding.record->entries) {
      if (entry.kind != Evidence::Kind::kNote) {
        entries.push_back({&entry, finding.record.get(), entries.size()});
      }
    }
  }
  std::ranges::sort(entries, {}, [](const Entry& one) {
    return std::pair(one.evidence->at, one.number);
  });
  return entries;
}

/// The requirements that rest on a test, for the comments.
std::string RequirementsOf(const Report& report, const Record* record) {
  std::string ids;
  for (const Finding& finding : report.findings) {
    if (finding.record.get() == record) {
      ids += (ids.empty() ? "" : " ") + std::string(finding.requirement->id);
    }
  }
  return ids;
}

}  // namespace

std::vector<uint8_t> RenderPcapng(const Report& report) {
  std::vector<uint8_t> bytes;
  netsim::PcapngWriter writer([&bytes](ByteView block) {
    bytes.insert(bytes.end(), block.begin(), block.end());
  });
  const netsim::PcapngWriter::InterfaceId interfaces[2] = {
      writer.AddInterface("inside"), writer.AddInterface("outside")};
  for (const Entry& entry : AllPackets(report)) {
    const Evidence& evidence = *entry.evidence;
    const std::string comment =
        entry.record->test + ": " + RequirementsOf(report, entry.record);
    writer.Write({.interface = interfaces[static_cast<size_t>(evidence.side)],
                  .at = evidence.at,
                  .packet = evidence.packet,
                  .direction = evidence.kind == Evidence::Kind::kSent
                                   ? netsim::PacketDirection::kOutbound
                                   : netsim::PacketDirection::kInbound,
                  .comment = comment});
  }
  return bytes;
}

}  // namespace natkit::natcheck::conformance
