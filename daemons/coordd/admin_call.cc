#include "admin_call.h"

#include <array>
#include <chrono>

namespace natkit::coordd {

using nlohmann::json;

namespace {

std::array<std::span<const AdminVerb>, 4> Tables() {
  return {NodeVerbs(), KeyVerbs(), MeshVerbs(), PolicyVerbs()};
}

std::unexpected<AdminFailure> Failure(AdminFault fault, std::string text) {
  return std::unexpected(AdminFailure{.fault = fault, .text = std::move(text)});
}

}  // namespace

std::string Call::Text(const char* name) const {
  std::string text = Value(name, std::string());
  if (text.empty()) {
    throw AdminError(AdminFault::kInvalid,
                     std::string("\"") + name + "\" is missing");
  }
  return text;
}

mesh::NodeId Call::Node() const {
  const std::string name = Text("node");
  const mesh::NodeRecord* node = registry().FindNode(name);
  if (node == nullptr) {
    throw AdminError(AdminFault::kNotFound,
                     "there is no node \"" + name + "\"");
  }
  return node->id;
}

std::vector<std::string> Call::List(const char* name) const {
  return Value(name, std::vector<std::string>());
}

mesh::Owner Call::Owner() const {
  mesh::Owner owner{.user = Value("user", std::string()), .tags = List("tags")};
  if (owner.user.empty() == owner.tags.empty()) {
    throw AdminError(AdminFault::kInvalid, "say a user or tags, one of both");
  }
  return owner;
}

std::optional<std::chrono::seconds> Call::Lifetime() const {
  const auto count =
      NumberUpTo(static_cast<uint64_t>(kMaxLifetime / std::chrono::seconds(1)),
                 "lifetime");
  return count ? std::optional(std::chrono::seconds(*count)) : std::nullopt;
}

std::optional<uint64_t> Call::NumberUpTo(uint64_t most,
                                         const char* name) const {
  const auto found = request.arguments.find(name);
  if (found == request.arguments.end()) {
    return std::nullopt;
  }
  // What was parsed from text and is not negative is unsigned.
  if (!found->is_number_unsigned() || found->get<uint64_t>() > most) {
    throw AdminError(AdminFault::kInvalid,
                     std::string("\"") + name +
                         "\" must be a whole number up to " +
                         std::to_string(most));
  }
  return found->get<uint64_t>();
}

AdminFault FaultOf(mesh::RefusalKind kind) {
  switch (kind) {
    case mesh::RefusalKind::kNotFound:
      return AdminFault::kNotFound;
    case mesh::RefusalKind::kConflict:
      return AdminFault::kConflict;
    case mesh::RefusalKind::kInvalid:
      return AdminFault::kInvalid;
    case mesh::RefusalKind::kForbidden:
      return AdminFault::kForbidden;
    case mesh::RefusalKind::kExhausted:
      return AdminFault::kExhausted;
  }
  return AdminFault::kFailed;
}

json Done() {
  return {{"done", true}};
}

const AdminVerb* FindAdminVerb(std::string_view name) {
  for (const auto& table : Tables()) {
    for (const AdminVerb& verb : table) {
      if (verb.name == name) {
        return &verb;
      }
    }
  }
  return nullptr;
}

std::set<std::string> AdminScopes() {
  std::set<std::string> scopes = {"all"};
  for (const auto& table : Tables()) {
    for (const AdminVerb& verb : table) {
      scopes.emplace(verb.scope);
    }
  }
  return scopes;
}

bool HasScope(const std::optional<std::set<std::string>>& scopes,
              std::string_view scope) {
  return !scopes || scopes->contains("all") ||
         scopes->contains(std::string(scope));
}

void RunAdminVerb(AdminSubject& subject, const AdminRequest& request,
                  AdminDone done) {
  const auto run = [&]() -> std::optional<AdminReply> {
    try {
      const AdminVerb* verb = FindAdminVerb(request.verb);
      if (verb == nullptr) {
        return Failure(AdminFault::kNotFound,
                       "unknown verb \"" + request.verb + "\"");
      }
      if (!HasScope(request.scopes, verb->scope)) {
        return Failure(AdminFault::kForbidden, "the token has not the scope " +
                                                   std::string(verb->scope));
      }
      const Call call{.subject = subject, .request = request};
      if (verb->start != nullptr) {
        verb->start(call, done);
        return std::nullopt;
      }
      return verb->run(call);
    } catch (const AdminError& error) {
      return Failure(error.fault, error.what());
    } catch (const json::exception&) {
      return Failure(AdminFault::kInvalid,
                     "an argument is missing or of the wrong type");
    }
  };
  if (auto reply = run()) {
    done(*std::move(reply));
  }
}

}  // namespace natkit::coordd
