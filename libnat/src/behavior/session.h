#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "behavior/lab.h"
#include "behavior/task.h"
#include "natkit/base/endpoint.h"
#include "natkit/nat/behavior_report.h"

namespace natkit::nat::behavior {

/// The server's endpoints as this host reaches them: the first address (A1)
/// and the other one (A2), the first port (P1) and the other one (P2).
struct Targets {
  Endpoint a1p1;
  std::optional<Endpoint> a1p2;
  std::optional<Endpoint> a2p1;
  std::optional<Endpoint> a2p2;
  /// A second server stands in for A2: nothing but plain requests make sense.
  bool is_substitute = false;
  /// The server answers CHANGE-REQUEST as far as that can be seen from here.
  bool has_alternates = false;
  bool has_response_port = false;
};

/// Why it is not known how external addresses are given.
inline constexpr std::string_view kAddressChanged =
    "the external address changed meanwhile";

/// What the tests of one discovery share.
class Session {
 public:
  Session(Lab& lab, BehaviorReport& report) : lab_(lab), report_(report) {}

  [[nodiscard]] Lab& lab() { return lab_; }

  [[nodiscard]] BehaviorReport& report() { return report_; }

  [[nodiscard]] const BehaviorConfig& config() const { return lab_.config(); }

  /// Makes a request and keeps it as evidence for `axis`.
  Task<Exchange> Ask(Axis axis, Request request);
  /// The same with a note.
  Task<Exchange> AskNoting(Axis axis, Request request, std::string note);

  void Keep(Axis axis, const Probe& probe);
  void Determine(Axis axis, std::string value, std::string reason = {});
  void DoNotKnow(Axis axis, std::string reason, std::string likely = {});
  void NotApplicable(Axis axis, std::string reason);
  void Untested(Axis axis, std::string reason);

  /// The IPv6 form of an IPv4 endpoint behind a NAT64; others as they are.
  [[nodiscard]] Endpoint ToLocal(const Endpoint& endpoint) const;

  /// External addresses of the first host, as the server's first endpoint has
  /// seen them, in order.
  [[nodiscard]] const std::vector<IpAddress>& ExternalAddresses() const {
    return lab_.ExternalAddressesAt(targets.a1p1);
  }

  /// Whether mappings of one host have more than one external address.
  [[nodiscard]] bool HasPool() const { return ExternalAddresses().size() > 1; }

  /// Brings NatTraits::external_addresses up to date. A host that was thought
  /// to have one address has another one now: then pooling is not known.
  void NoteExternalAddresses();

  Targets targets;
  /// The router's own external address, if it told.
  std::optional<IpAddress> router_external;
  /// The server's address stands for an IPv4 address behind this one.
  std::optional<IpPrefix> nat64_prefix;

 private:
  void CheckOther(const Exchange& exchange);

  Lab& lab_;
  BehaviorReport& report_;
};

/// The test of one axis, or of several that come out of the same datagrams.
class AxisTest {
 public:
  explicit AxisTest(Session& session) : session_(session) {}

  virtual ~AxisTest() = default;
  AxisTest(const AxisTest&) = delete;
  AxisTest& operator=(const AxisTest&) = delete;
  AxisTest(AxisTest&&) = delete;
  AxisTest& operator=(AxisTest&&) = delete;

  /// Runs to the end and leaves its verdicts in the report. Once.
  virtual Task<> Run() = 0;

 protected:
  [[nodiscard]] Lab& lab() { return session_.lab(); }

  [[nodiscard]] BehaviorReport& report() { return session_.report(); }

  [[nodiscard]] NatTraits& traits() { return session_.report().traits; }

  [[nodiscard]] const Targets& targets() const { return session_.targets; }

  [[nodiscard]] const BehaviorConfig& config() const {
    return session_.config();
  }

  [[nodiscard]] Session& session() { return session_; }

 private:
  Session& session_;
};

using AxisTestPtr = std::unique_ptr<AxisTest>;

}  // namespace natkit::nat::behavior
