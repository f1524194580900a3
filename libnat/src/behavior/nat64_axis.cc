#include <algorithm>
#include <string>
#include <vector>

#include "behavior/axis_tests.h"
#include "natkit/nat/nat64.h"

namespace natkit::nat::behavior {
namespace {

/// Nothing is sent: what the server saw of us and what the host was told of
/// prefixes have to fit (nat.md 13.5).
class Nat64Test final : public AxisTest {
 public:
  using AxisTest::AxisTest;

  Task<> Run() override;

 private:
  void JudgeV4();
  void JudgeV6();

  [[nodiscard]] std::vector<IpPrefix> Told() {
    return config().nat64_prefixes.value_or(std::vector<IpPrefix>());
  }
};

Task<> Nat64Test::Run() {
  const Verdict& translation = report().verdict(Axis::kTranslation);
  if (!translation.evidence.empty()) {
    session().Keep(Axis::kNat64, translation.evidence.front());
  }
  if (config().local_addresses.front().is_v4()) {
    JudgeV4();
  } else {
    JudgeV6();
  }
  co_return;
}

void Nat64Test::JudgeV4() {
  const IpAddress local = config().local_addresses.front();
  if (!IsClatAddress(local)) {
    session().NotApplicable(Axis::kNat64, "IPv4 has a way of its own");
  } else if (!Told().empty()) {
    report().nat64_prefix = Told().front();
    session().Determine(Axis::kNat64, "464xlat",
                        local.ToString() +
                            " is this host's translator (RFC 7335), beyond it "
                            "is the NAT64 of " +
                            Told().front().ToString());
  } else {
    session().DoNotKnow(Axis::kNat64,
                        local.ToString() +
                            " belongs to a translator or a tunnel of this host "
                            "(RFC 7335); no NAT64 prefix is known",
                        "464xlat");
  }
}

void Nat64Test::JudgeV6() {
  if (session().nat64_prefix) {
    const IpPrefix prefix = *session().nat64_prefix;
    const std::vector<IpPrefix> told = Told();
    const bool is_told = std::ranges::find(told, prefix) != told.end();
    report().nat64_prefix = prefix;
    session().Determine(Axis::kNat64, prefix.ToString(),
                        is_told ? "the prefix that the host was told of; the "
                                  "server sees an IPv4 address"
                                : "the server sees an IPv4 address; nobody "
                                  "told how long the prefix is");
    return;
  }
  if (!config().nat64_prefixes) {
    session().Untested(Axis::kNat64, "nobody asked for a prefix");
  } else if (Told().empty()) {
    session().Determine(Axis::kNat64, "none",
                        "ipv4only.arpa has no IPv6 address here");
  } else {
    report().nat64_prefix = Told().front();
    session().DoNotKnow(Axis::kNat64,
                        "the host was told of a prefix; that the NAT64 works "
                        "was not seen: the server has IPv6 of its own",
                        Told().front().ToString());
  }
}

}  // namespace

AxisTestPtr MakeNat64Test(Session& session) {
  return std::make_unique<Nat64Test>(session);
}

}  // namespace natkit::nat::behavior
