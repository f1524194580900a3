#include "admin_verbs.h"

#include <utility>

namespace natkit::coordd {

namespace {

using nlohmann::json;

std::string Line(const json& answer) {
  return answer.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string FormatAdminError(std::string_view text) {
  return Line({{"error", text}});
}

void HandleAdminLine(AdminSubject& subject, mesh::ServerTime time,
                     std::string_view actor, std::string_view line,
                     std::function<void(std::string answer)> done) {
  json parsed = json::parse(line, nullptr, false);
  if (!parsed.is_object()) {
    done(FormatAdminError("the request is not a JSON object"));
    return;
  }
  const auto verb = parsed.find("verb");
  if (verb == parsed.end() || !verb->is_string()) {
    done(FormatAdminError("\"verb\" is missing"));
    return;
  }
  AdminRequest request{.verb = verb->get<std::string>(),
                       .arguments = {},
                       .actor = std::string(actor),
                       .time = time,
                       .scopes = std::nullopt};
  request.arguments = std::move(parsed);
  RunAdminVerb(subject, request, [done = std::move(done)](AdminReply reply) {
    done(reply ? Line({{"result", *std::move(reply)}})
               : FormatAdminError(reply.error().text));
  });
}

}  // namespace natkit::coordd
