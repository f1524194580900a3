#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "natkit/mesh/policy/compiled_policy.h"
#include "natkit/mesh/policy/decide.h"
#include "natkit/mesh/policy/nodes_file.h"
#include "natkit/mesh/policy/run_tests.h"

namespace natkit::mesh::policy {

inline IpAddress Ip(std::string_view text) {
  return *IpAddress::Parse(text);
}

inline IpPrefix Net(std::string_view text) {
  return *IpPrefix::Parse(text);
}

/// The definitions that most tests share, and more sections.
inline std::string PolicyText(const std::string& sections) {
  return R"({"groups": {"group:eng": ["ann@x.org", "bob@x.org"],
                        "group:ops": ["kim@x.org"], "group:none": []},
"hosts": {"db": "10.1.2.3", "lan": "10.1.0.0/16", "annv4": "100.64.0.1"},
"tagOwners": {"tag:web": ["group:eng"], "tag:gate": [], "tag:exit": []},
"postures": {"posture:ok": ["node:healthy == true"]},
)" + sections +
         "}";
}

inline CompiledPolicy Compiled(const std::string& sections) {
  auto result = ParsePolicy(PolicyText(sections));
  for (const Diagnostic& diagnostic : result.diagnostics) {
    ADD_FAILURE() << ToString(diagnostic);
  }
  return CompiledPolicy(std::move(result.policy));
}

/// One ACL as a section.
inline std::string Acl(const std::string& src, const std::string& dst,
                       const std::string& more = "") {
  return R"("acls": [{"action": "accept", "src": [")" + src +
         R"("], "dst": [")" + dst + "\"]" + more + "}]";
}

/// One grant as a section; `more` begins with a comma.
inline std::string Grant(const std::string& src, const std::string& dst,
                         const std::string& more) {
  return R"("grants": [{"src": [")" + src + R"("], "dst": [")" + dst + "\"]" +
         more + "}]";
}

/// ann has two machines, bob and kim one each; web is tagged; gate serves
/// 10.1.0.0/16; exit is an exit; rogue advertises what nobody approved.
inline PolicyWorld World() {
  auto file = ParseNodesFile(R"([
    {"name": "ann", "user": "ann@x.org", "roles": ["admin"],
     "ips": ["100.64.0.1", "fd7a:115c:a1e0::1"],
     "attrs": {"node:healthy": true}},
    {"name": "ann2", "user": "ann@x.org",
     "ips": ["100.64.0.2", "fd7a:115c:a1e0::2"]},
    {"name": "bob", "user": "bob@x.org",
     "ips": ["100.64.0.3", "fd7a:115c:a1e0::3"]},
    {"name": "kim", "user": "kim@x.org",
     "ips": ["100.64.0.4", "fd7a:115c:a1e0::4"]},
    {"name": "web", "user": "ann@x.org", "tags": ["tag:web"],
     "ips": ["100.64.0.5", "fd7a:115c:a1e0::5"]},
    {"name": "gate", "tags": ["tag:gate"],
     "ips": ["100.64.0.6", "fd7a:115c:a1e0::6"], "approved": ["10.1.0.0/16"]},
    {"name": "exit", "tags": ["tag:exit"],
     "ips": ["100.64.0.7", "fd7a:115c:a1e0::7"],
     "approved": ["0.0.0.0/0", "::/0"]},
    {"name": "rogue", "user": "kim@x.org", "ips": ["100.64.0.8"],
     "advertised": ["10.9.0.0/16", "0.0.0.0/0"], "approved": []},
  ])");
  EXPECT_TRUE(file.is_usable());
  return {std::move(file.nodes),
          [](const TimeWindow& window, int64_t unix_seconds) {
            // Minutes of a week that begins on Monday at 0, in every zone.
            const auto minute = static_cast<uint64_t>(unix_seconds / 60);
            return IsOpenAt(window, {static_cast<uint8_t>(minute / 1440 % 7),
                                     static_cast<uint16_t>(minute % 1440)});
          }};
}

/// The node of World() with this name.
inline PolicyNode NodeOf(std::string_view name) {
  for (PolicyNode& node : World().nodes) {
    if (node.name == name) {
      return node;
    }
  }
  ADD_FAILURE() << "no node " << name;
  return {};
}

/// The answer for a name or address each, the same for all their addresses.
inline Decision Ask(const CompiledPolicy& policy, std::string_view source,
                    std::string_view destination, uint16_t port,
                    uint8_t protocol = kProtocolTcp, int64_t at = 0) {
  FlowQuestion question;
  question.port = port;
  question.protocol = protocol;
  question.unix_seconds = at;
  const auto pairs =
      DecideByName(policy, World(), source, destination, question);
  EXPECT_TRUE(pairs) << pairs.error();
  if (!pairs) {
    return {};
  }
  for (const PairDecision& pair : *pairs) {
    EXPECT_EQ(pair.decision.is_accepted, (*pairs)[0].decision.is_accepted)
        << pair.source.ToString() << " " << pair.destination.ToString();
  }
  return (*pairs)[0].decision;
}

inline bool Reaches(const CompiledPolicy& policy, std::string_view source,
                    std::string_view destination, uint16_t port,
                    uint8_t protocol = kProtocolTcp, int64_t at = 0) {
  return Ask(policy, source, destination, port, protocol, at).is_accepted;
}

/// "100.64.0.1/32" and so on.
inline std::vector<std::string> Texts(const std::vector<IpPrefix>& prefixes) {
  std::vector<std::string> out;
  for (const IpPrefix& prefix : prefixes) {
    out.push_back(prefix.ToString());
  }
  return out;
}

}  // namespace natkit::mesh::policy
