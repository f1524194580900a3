#include <algorithm>

#include "test_case.h"

namespace natkit::natcheck::conformance {

std::optional<size_t> Facts::SharerOf(size_t host) const {
  for (size_t i = 0; i < external.size(); ++i) {
    if (i != host && !external[i].is_unspecified() &&
        external[i] == external[host]) {
      return i;
    }
  }
  return std::nullopt;
}

uint16_t Facts::KeepablePort(Lab& lab, size_t use) const {
  if (use < drawn_ports.size()) {
    return drawn_ports[use];
  }
  return lab.NextPort(Side::kInside);
}

bool Facts::has_pool() const {
  std::vector<IpAddress> known;
  std::ranges::copy_if(
      external, std::back_inserter(known),
      [](const IpAddress& one) { return !one.is_unspecified(); });
  return std::ranges::any_of(
      known, [&known](const IpAddress& one) { return one != known.front(); });
}

namespace {

/// An inside address that is seen outside as it is, port and all.
bool IsTranslated(const Endpoint& inside, const Endpoint& seen) {
  return inside != seen;
}

Task<bool> PassesTcp(Trial& trial, Facts& facts) {
  const auto from = trial.Inside(IpProtocol::kTcp);
  const auto to = trial.Outside(IpProtocol::kTcp);
  const auto has_come = [&to] { return !to->inbox.empty(); };
  netsim::TcpFields syn;
  syn.sequence = trial.lab().rng().NextU32();
  syn.flags = netsim::kTcpSyn;
  for (int i = 0; i < Persistence().copies && to->inbox.empty(); ++i) {
    trial.Send(Side::kInside,
               netsim::BuildTcp(from->local(), trial.lab().Toward(to->local()),
                                syn, {}));
    co_await trial.Until(std::max(Persistence().patience, trial.Patience()),
                         has_come);
  }
  if (!to->inbox.empty()) {
    facts.is_translated |=
        IsTranslated(from->local(), to->inbox.front().info.source);
  }
  co_return !to->inbox.empty();
}

Task<bool> PassesIcmp(Trial& trial, Facts& facts) {
  const auto from = trial.Inside(IpProtocol::kIcmp);
  const auto to = trial.Outside(IpProtocol::kIcmp);
  const uint64_t token = trial.lab().NextToken();
  trial.lab().ExpectToken(token, *to);
  const auto has_come = [&to] { return !to->inbox.empty(); };
  const Endpoint remote = trial.lab().Toward(to->local());
  for (int i = 0; i < Persistence().copies && to->inbox.empty(); ++i) {
    trial.Send(Side::kInside,
               netsim::BuildEcho(from->local().address, remote.address,
                                 netsim::EchoKind::kRequest, from->local().port,
                                 1, TokenPayload(token)));
    co_await trial.Until(std::max(Persistence().patience, trial.Patience()),
                         has_come);
  }
  if (!to->inbox.empty()) {
    facts.is_translated |=
        IsTranslated(from->local(), {to->inbox.front().info.source.address,
                                     to->inbox.front().info.icmp_id});
  }
  co_return !to->inbox.empty();
}

}  // namespace

namespace {

/// Where the first flow of each host comes from; whether any does.
Task<bool> FindExternal(Trial& trial, Facts& facts, IpProtocol protocol) {
  const auto target = trial.Outside(protocol);
  bool passes = false;
  for (size_t i = 0; i < facts.external.size(); ++i) {
    const auto from = trial.Inside(protocol, i);
    const Endpoint remote = trial.lab().Toward(target->local());
    const auto seen = co_await trial.Deliver(*from, remote, *target);
    if (seen) {
      const Endpoint mapped = seen->info.source;
      facts.is_direct |= !passes && seen->info.ttl == netsim::IpFields().ttl;
      passes = true;
      facts.external[i] = mapped.address;
      facts.is_translated |= IsTranslated(from->local(), mapped);
      if (mapped.port != from->local().port) {
        facts.drawn_ports.push_back(mapped.port);
        trial.lab().ReservePort(mapped.port);
      }
    } else if (!passes) {
      break;
    }
  }
  co_return passes;
}

}  // namespace

Task<void> FindFacts(Trial& trial, Facts& facts) {
  {
    const auto own = trial.Inside(IpProtocol::kUdp, 0);
    const auto a1p1 = trial.Outside(IpProtocol::kUdp, 0);
    const auto a1p2 = trial.Outside(IpProtocol::kUdp, 0);
    const auto a2 = trial.Outside(IpProtocol::kUdp, 1);
    facts.first_mapping =
        co_await ClassifyMapping(trial, *own, *a1p1, *a1p2, *a2);
  }
  facts.external.assign(trial.lab().site().inside.size(), IpAddress());
  facts.passes_udp = co_await FindExternal(trial, facts, IpProtocol::kUdp);
  facts.passes_tcp =
      facts.passes_udp ? co_await PassesTcp(trial, facts)
                       : co_await FindExternal(trial, facts, IpProtocol::kTcp);
  facts.passes_icmp = co_await PassesIcmp(trial, facts);
}

}  // namespace natkit::natcheck::conformance
