#include "natkit/mesh/policy/policy.h"

#include <algorithm>

#include "policy/policy_reader.h"

namespace natkit::mesh::policy {

namespace {

/// What stands for a file with errors: nothing is allowed.
Policy Closed() {
  Policy policy;
  policy.acls.emplace();
  return policy;
}

/// Fields that mean something to a hosted service or to another data path.
void WarnOfNoEffect(ObjectReader& root, Findings& out) {
  for (const auto* key :
       {"derpMap", "disableIPv4", "OneCGNATRoute", "randomizeClientPort"}) {
    if (const JsonValue* value = root.Get(key)) {
      out.Warn(value->at, std::string("\"") + key + "\" has no effect here");
    }
  }
}

}  // namespace

void PolicyReader::Read(const JsonValue& root_value) {
  ObjectReader root(root_value, "a policy", out_);
  ReadDefinitions(root);
  if (const JsonValue* acls = root.Get("acls")) {
    ReadAcls(*acls);
  }
  if (const JsonValue* grants = root.Get("grants")) {
    ReadGrants(*grants);
  }
  if (const JsonValue* ssh = root.Get("ssh")) {
    ReadSsh(*ssh);
  }
  if (const JsonValue* attrs = root.Get("nodeAttrs")) {
    ReadNodeAttrs(*attrs);
  }
  if (const JsonValue* tests = root.Get("tests")) {
    ReadTests(*tests);
  }
  if (const JsonValue* tests = root.Get("sshTests")) {
    ReadSshTests(*tests);
  }
  WarnOfNoEffect(root, out_);
  root.Finish();
  // Of a file with errors, which allows nothing, it would not be true.
  if (!policy_.acls && !policy_.grants && !out_.has_error()) {
    out_.Warn(root_value.at,
              "with neither \"acls\" nor \"grants\" everybody reaches "
              "everything; \"grants\": [] allows nothing");
  }
}

bool PolicyResult::is_usable() const {
  return std::ranges::none_of(diagnostics, [](const Diagnostic& diagnostic) {
    return diagnostic.severity == Severity::kError;
  });
}

PolicyResult ParsePolicy(std::string_view text, const PolicyOptions& options) {
  PolicyResult result;
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    result.policy = Closed();
    result.diagnostics.push_back(
        {Severity::kError,
         {1, 1},
         "the file is empty: write { \"grants\": [] } to allow nothing"});
    return result;
  }
  const auto root = ParseHuJson(text);
  if (!root) {
    result.policy = Closed();
    result.diagnostics.push_back(root.error());
    return result;
  }
  Findings findings;
  PolicyReader(options, result.policy, findings).Read(*root);
  result.diagnostics = findings.Take();
  if (!result.is_usable()) {
    // A rule that lost a condition to an error must not be taken for one
    // without it.
    result.policy = Closed();
  }
  return result;
}

}  // namespace natkit::mesh::policy
