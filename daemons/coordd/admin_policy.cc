#include <array>

#include "admin_call.h"

namespace natkit::coordd {

namespace {

using nlohmann::json;

json GetPolicy(const Call& call) {
  const mesh::PolicyRecord* policy = call.registry().policy();
  if (policy == nullptr) {
    throw AdminError(AdminFault::kNotFound, "there is no policy yet");
  }
  return {{"revision", policy->revision}, {"text", policy->text}};
}

AdminReply ReplyOf(mesh::Decision<uint64_t> revision) {
  if (revision) {
    return json{{"revision", *revision}};
  }
  return std::unexpected(
      AdminFailure{.fault = FaultOf(revision.error().kind),
                   .text = std::move(revision.error().text)});
}

void SetPolicy(const Call& call, AdminDone done) {
  if (call.subject.is_policy_in_file) {
    throw AdminError(
        AdminFault::kConflict,
        "the policy is a file of the server's ([policy] file): change that "
        "and send SIGHUP");
  }
  PolicyKeeper::Change change{.actor = call.actor(),
                              .name = call.Value("name", std::string("policy")),
                              .text = call.Text("text"),
                              .expected = call.Number<uint64_t>("if_revision")};
  call.subject.policy.SetLater(
      call.subject.work, std::move(change),
      [done = std::move(done)](mesh::Decision<uint64_t> revision) {
        done(ReplyOf(std::move(revision)));
      });
}

void CheckPolicyText(const Call& call, AdminDone done) {
  call.subject.policy.CheckLater(
      call.subject.work, call.Value("name", std::string("policy")),
      call.Text("text"),
      [done = std::move(done)](const PolicyVerdict& verdict) {
        done(json{{"ok", verdict.is_good()}, {"findings", verdict.findings}});
      });
}

constexpr auto kVerbs = std::to_array<AdminVerb>(
    {{.name = "policy.get", .scope = "policy:read", .run = &GetPolicy},
     {.name = "policy.set", .scope = "policy:write", .start = &SetPolicy},
     {.name = "policy.check",
      .scope = "policy:read",
      .start = &CheckPolicyText}});

}  // namespace

std::span<const AdminVerb> PolicyVerbs() {
  return kVerbs;
}

}  // namespace natkit::coordd
