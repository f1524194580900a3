#pragma once

#include <cstdint>
#include <expected>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

namespace natkit::coordd {

/// Of which type an argument is.
enum class ApiType : uint8_t {
  kString,
  kInteger,
  kBoolean,
  kStrings,  ///< a list of strings
  kObjects,  ///< a list of objects
};

struct ApiField {
  std::string_view name;
  ApiType type = ApiType::kString;
  std::string_view help;
  bool is_required = false;
};

/// How a request's body is taken.
enum class ApiBody : uint8_t {
  kNone,
  kJson,  ///< an object, whose members are the fields
  kText,  ///< becomes the argument "text"
};

/// One operation of the API: a verb of administration under a method and path.
struct ApiRoute {
  std::string_view method;
  std::string_view path;  ///< "/v1/nodes/{node}"
  std::string_view verb;
  std::string_view summary;
  std::span<const ApiField> query;
  std::span<const ApiField> body;
  ApiBody body_kind = ApiBody::kNone;
};

[[nodiscard]] std::span<const ApiRoute> ApiRoutes();

/// The route of a request, with what its path and query say.
struct ApiMatch {
  const ApiRoute* route = nullptr;
  nlohmann::json arguments = nlohmann::json::object();
};

/// Why there is no match.
struct ApiMismatch {
  int status = 404;     ///< 400, 404 or 405
  std::string text;     ///< for people
  std::string allowed;  ///< with 405: "GET, PUT"
};

/// Finds what serves `method` and `target` (path and query).
[[nodiscard]] std::expected<ApiMatch, ApiMismatch> MatchRoute(
    std::string_view method, std::string_view target);

/// The description of the API (OpenAPI 3.1), made of the routes.
[[nodiscard]] nlohmann::json DescribeApi();

}  // namespace natkit::coordd
