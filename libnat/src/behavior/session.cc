#include "behavior/session.h"

#include <algorithm>
#include <utility>

#include "natkit/nat/nat64.h"

namespace natkit::nat::behavior {
namespace {

constexpr size_t kMaxEvidence = 256;

}  // namespace

Task<Exchange> Session::Ask(Axis axis, Request request) {
  Task<Exchange> task = AskNoting(axis, std::move(request), {});
  Exchange exchange = co_await task;
  co_return exchange;
}

Task<Exchange> Session::AskNoting(Axis axis, Request request,
                                  std::string note) {
  Task<Exchange> task = lab_.Transact(std::move(request));
  Exchange exchange = co_await task;
  if (!note.empty()) {
    exchange.probe.note += exchange.probe.note.empty() ? note : "; " + note;
  }
  Keep(axis, exchange.probe);
  CheckOther(exchange);
  co_return exchange;
}

/// An honest server names the same one each time.
void Session::CheckOther(const Exchange& exchange) {
  if (!targets.has_alternates || !exchange.ok() ||
      exchange.probe.to != targets.a1p1 || !exchange.arrival->other) {
    return;
  }
  const Endpoint other = ToLocal(*exchange.arrival->other);
  if (other != targets.a2p2) {
    targets.has_alternates = false;
    DoNotKnow(Axis::kServer,
              "OTHER-ADDRESS changes: " + targets.a2p2->ToString() + ", then " +
                  other.ToString(),
              "one-address");
  }
}

void Session::Keep(Axis axis, const Probe& probe) {
  std::vector<Probe>& evidence = report_.verdicts[axis].evidence;
  if (evidence.size() < kMaxEvidence) {
    evidence.push_back(probe);
  }
}

void Session::Determine(Axis axis, std::string value, std::string reason) {
  Verdict& verdict = report_.verdicts[axis];
  verdict.outcome = Outcome::kDetermined;
  verdict.value = std::move(value);
  verdict.reason = std::move(reason);
}

void Session::DoNotKnow(Axis axis, std::string reason, std::string likely) {
  Verdict& verdict = report_.verdicts[axis];
  verdict.outcome = Outcome::kInconclusive;
  verdict.value = std::move(likely);
  verdict.reason = std::move(reason);
}

void Session::NotApplicable(Axis axis, std::string reason) {
  Verdict& verdict = report_.verdicts[axis];
  verdict.outcome = Outcome::kNotApplicable;
  verdict.value.clear();
  verdict.reason = std::move(reason);
}

void Session::Untested(Axis axis, std::string reason) {
  Verdict& verdict = report_.verdicts[axis];
  verdict.outcome = Outcome::kUntested;
  verdict.value.clear();
  verdict.reason = std::move(reason);
}

void Session::NoteExternalAddresses() {
  std::vector<IpAddress>& known = report_.traits.external_addresses;
  for (const IpAddress& address : ExternalAddresses()) {
    if (std::ranges::find(known, address) == known.end()) {
      known.push_back(address);
    }
  }
  if (HasPool() && (report_.traits.pooling == Pooling::kSingle ||
                    report_.traits.pooling == Pooling::kPaired)) {
    report_.traits.pooling.reset();
    DoNotKnow(Axis::kPooling, std::string(kAddressChanged));
  }
}

Endpoint Session::ToLocal(const Endpoint& endpoint) const {
  if (!nat64_prefix || !endpoint.address.is_v4()) {
    return endpoint;
  }
  return {.address = SynthesizeNat64(*nat64_prefix, endpoint.address)
                         .value_or(endpoint.address),
          .port = endpoint.port};
}

}  // namespace natkit::nat::behavior
