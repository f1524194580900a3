#pragma once

#include <optional>
#include <string>
#include <vector>

#include "natkit/mesh/policy/hujson.h"
#include "natkit/mesh/policy/policy.h"
#include "policy/findings.h"
#include "policy/object_reader.h"
#include "policy/ports.h"
#include "policy/selector.h"

namespace natkit::mesh::policy {

/// Reads the parts of a policy file. Definitions (groups, hosts, tags,
/// postures) are read before the rules that use them, wherever they stand in
/// the file.
class PolicyReader {
 public:
  PolicyReader(const PolicyOptions& options, Policy& policy, Findings& out)
      : options_(options), policy_(policy), out_(out) {}

  void Read(const JsonValue& root);

 private:
  // Definitions (policy_definitions.cc).
  void ReadDefinitions(ObjectReader& root);
  void ReadGroups(const JsonValue& value);
  void ReadHosts(const JsonValue& value);
  void ReadTagOwners(const JsonValue& value);
  void ReadOwnersOfTags(const JsonValue& value);
  void ReadIpSets(const JsonValue& value);
  void ApplyIpSetEntry(const PlacedText& entry, std::vector<IpPrefix>& set);
  void ReadPostures(const JsonValue& value);
  void ReadAutoApprovers(const JsonValue& value);

  // Names (policy_names.cc).
  std::optional<Selector> ReadSelector(const PlacedText& text, Place place);
  std::vector<Selector> ReadSelectors(const std::vector<PlacedText>& texts,
                                      Place place);
  bool Resolve(Selector& selector);
  bool ReportUndefined(const Selector& selector, std::string_view kind,
                       const std::vector<std::string>& names);
  std::optional<uint8_t> ReadProtocol(ObjectReader& in);
  bool CheckSingleAddress(const Selector& selector);

  // Rules (policy_rules.cc).
  void ReadAcls(const JsonValue& value);
  void ReadAcl(const JsonValue& value);
  void ReadAction(ObjectReader& in);
  std::optional<Destination> ReadDestination(const PlacedText& text,
                                             std::optional<uint8_t> protocol);
  void ReportPorts(const PlacedText& text,
                   const std::optional<HostAndPorts>& split);
  void ReadGrants(const JsonValue& value);
  void ReadGrant(const JsonValue& value);
  std::optional<IpGrant> ReadIpGrant(const PlacedText& text);
  void ReadApp(const JsonValue& value, GrantRule& grant);
  void CheckGrantDestinations(const GrantRule& grant);
  void ReadVia(ObjectReader& in, GrantRule& grant);
  void CheckCount(const Position& at, std::string_view what, size_t count);
  void CheckSelfSources(const std::vector<Selector>& src, bool may_be_any);

  // Conditions (policy_conditions.cc).
  Conditions ReadConditions(ObjectReader& in);
  void ReadWindow(const JsonValue& value, std::vector<TimeWindow>& windows);
  uint8_t ReadDays(const JsonValue& value);
  void ReadZone(ObjectReader& in, TimeWindow& window);
  uint16_t ReadClock(ObjectReader& in, std::string_view key, uint16_t fallback);

  // ssh and nodeAttrs (policy_ssh.cc).
  void ReadSsh(const JsonValue& value);
  void ReadSshRule(const JsonValue& value);
  void ReadSshAction(ObjectReader& in, SshRule& rule);
  void ReadCheckPeriod(ObjectReader& in, SshRule& rule);
  void ReadSshUsers(ObjectReader& in, SshRule& rule);
  void CheckSshUser(const PlacedText& user);
  void CheckSshPairs(const SshRule& rule);
  void ReadNodeAttrs(const JsonValue& value);
  void ReadIpPool(ObjectReader& in, NodeAttrRule& rule);

  // Tests (policy_tests.cc).
  void ReadTests(const JsonValue& value);
  void ReadTest(const JsonValue& value);
  std::vector<TestTarget> ReadTestTargets(ObjectReader& in,
                                          std::string_view key);
  void ReadTestAttributes(ObjectReader& in, PolicyTest& test);
  void ReadTestTime(ObjectReader& in, PolicyTest& test);
  void ReadSshTests(const JsonValue& value);

  const PolicyOptions& options_;
  Policy& policy_;
  Findings& out_;
};

/// The items of a list; reports a value that is none.
const std::vector<JsonValue>& ReadItems(const JsonValue& value,
                                        std::string_view what, Findings& out);

/// An object of attributes; reports what is none.
Attributes ReadAttributes(const JsonValue& value, Findings& out);

/// Minutes after midnight of "09:30"; "24:00" is 1440.
std::optional<uint16_t> ParseClock(std::string_view text);
/// 0 for "mon" to 6 for "sun".
std::optional<uint8_t> ParseDay(std::string_view text);

}  // namespace natkit::mesh::policy
