#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "admin_call.h"
#include "api/http_requests.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"
#include "natkit/derp/http.h"

namespace natkit::coordd {

/// How many wrong tokens a source may show: so many at once, then one in ten
/// seconds. IPv6 sources are counted by /64. Bounded: when it is full, those
/// that were quiet longest are forgotten.
class TokenGuard {
 public:
  [[nodiscard]] bool Allows(const IpAddress& source, Instant now) const;
  void NoteFailure(const IpAddress& source, Instant now);

 private:
  struct Failures {
    size_t count = 0;
    Instant since{};  ///< when `count` was taken
  };

  [[nodiscard]] static size_t CountAt(const Failures& failures, Instant now);

  std::map<IpAddress, Failures> sources_;
};

/// What the API counts; only ever grows.
struct ApiCounters {
  uint64_t requests = 0;
  uint64_t unauthorized = 0;  ///< without a token that holds
  uint64_t throttled = 0;     ///< from sources with too many of these
  uint64_t forbidden = 0;     ///< without the scope
};

/// Answers the requests of the HTTPS API by verbs of administration.
///
/// Owns no socket and no clock. Not thread-safe.
class ApiService {
 public:
  struct Hooks {
    std::function<AdminSubject()> subject;
    std::function<std::string()> metrics;  ///< what /metrics answers
  };

  using Done = std::function<void(derp::HttpResponse response)>;

  explicit ApiService(Hooks hooks) : hooks_(std::move(hooks)) {}

  /// Serves a request and calls `done` once, now or later. Nothing that the
  /// response tells of is durable before Settle(). Never throws.
  void Handle(const WholeRequest& request, const IpAddress& source,
              mesh::ServerTime time, Done done);

  /// How large a body may be: only who has a token sends a large one.
  [[nodiscard]] size_t BodyLimit(const derp::HttpRequest& head,
                                 mesh::ServerTime time) const;

  /// Whether the request shows a token that holds.
  [[nodiscard]] bool IsAuthorized(const derp::HttpRequest& head,
                                  mesh::ServerTime time) const;

  [[nodiscard]] const ApiCounters& counters() const { return counters_; }

 private:
  [[nodiscard]] const mesh::ApiTokenRecord* FindToken(
      const derp::HttpRequest& head, mesh::WallTime now) const;
  void Serve(const WholeRequest& request, const mesh::ApiTokenRecord& token,
             mesh::ServerTime time, Done done);
  [[nodiscard]] derp::HttpResponse Metrics(const mesh::ApiTokenRecord& token);

  Hooks hooks_;
  TokenGuard guard_;
  ApiCounters counters_;
};

/// {"error":{"code":...,"message":...}} with a status.
[[nodiscard]] derp::HttpResponse ErrorResponse(int status,
                                               std::string_view message);

}  // namespace natkit::coordd
