#include "trial.h"

#include <algorithm>
#include <utility>

namespace natkit::natcheck::conformance {

Trial::Trial(Lab& lab, std::string name)
    : lab_(lab), record_(std::make_shared<Record>()) {
  record_->test = std::move(name);
  lab_.trials_.push_back(this);
}

Trial::~Trial() {
  std::erase(lab_.trials_, this);
}

void Trial::Add(Evidence evidence) {
  if (record_->entries.size() < Record::kMaxEntries) {
    record_->entries.push_back(std::move(evidence));
  } else {
    ++record_->left_out;
  }
}

void Trial::Note(std::string text) {
  Add({.at = lab_.now(),
       .kind = Evidence::Kind::kNote,
       .side = Side::kInside,
       .text = std::move(text),
       .packet = {}});
}

void Trial::Conclude(std::string_view requirement, Verdict verdict,
                     std::string reason) {
  Note("RFC " + std::string(requirement) + ": " +
       std::string(VerdictWord(verdict)) + ": " + reason);
  findings_.push_back({.requirement = FindRequirement(requirement),
                       .verdict = verdict,
                       .reason = std::move(reason),
                       .record = record_});
}

std::unique_ptr<Socket> Trial::Inside(IpProtocol protocol, size_t host,
                                      uint16_t port) {
  const auto& hosts = lab_.site().inside;
  const Endpoint local = {hosts[host % hosts.size()],
                          port != 0 ? port : lab_.NextPort(Side::kInside)};
  return std::make_unique<Socket>(*this, Side::kInside, protocol, local);
}

std::unique_ptr<Socket> Trial::Outside(IpProtocol protocol, size_t address,
                                       uint16_t port) {
  const auto& all = lab_.site().outside;
  const Endpoint local = {all[address % all.size()],
                          port != 0 ? port : lab_.NextPort(Side::kOutside)};
  return std::make_unique<Socket>(*this, Side::kOutside, protocol, local);
}

Trial::Wait::Wait(Trial& trial, Duration limit, std::function<bool()> is_met)
    : trial_(trial),
      deadline_(trial.lab_.now() + limit),
      is_met_(std::move(is_met)) {}

Trial::Wait::~Wait() {
  trial_.waits_.remove(this);
}

void Trial::Wait::await_suspend(std::coroutine_handle<> handle) {
  handle_ = handle;
  trial_.waits_.push_back(this);
}

void Trial::Send(Side side, std::vector<uint8_t> packet) {
  lab_.Send(*this, side, std::move(packet));
}

void Trial::SendUdp(Socket& from, const Endpoint& to, uint64_t token,
                    size_t extra) {
  Send(from.side(),
       netsim::BuildUdp(from.local(), to, TokenPayload(token, extra)));
}

std::optional<Seen> TakeFrom(std::deque<Seen>& inbox,
                             const std::function<bool(const Seen&)>& is_it) {
  const auto found = std::ranges::find_if(inbox, is_it);
  if (found == inbox.end()) {
    return std::nullopt;
  }
  Seen seen = std::move(*found);
  inbox.erase(found);
  return seen;
}

bool IsSyn(const Seen& seen) {
  return seen.info.protocol == static_cast<uint8_t>(IpProtocol::kTcp) &&
         (seen.info.tcp_flags & (netsim::kTcpSyn | netsim::kTcpAck)) ==
             netsim::kTcpSyn;
}

uint32_t SequenceOf(const Seen& seen) {
  ByteReader reader(seen.packet);
  uint32_t sequence = 0;
  return reader.Skip(seen.info.transport_offset + 4U) &&
                 reader.ReadU32(sequence)
             ? sequence
             : 0;
}

Task<std::optional<Seen>> Trial::Repeat(Side side, std::vector<uint8_t> packet,
                                        Socket& at,
                                        std::function<bool(const Seen&)> is_it,
                                        Persistence how) {
  const auto has_come = [&at, &is_it] {
    return std::ranges::any_of(at.inbox, is_it);
  };
  for (int i = 0; i < how.copies; ++i) {
    Send(side, packet);
    const bool is_last = i + 1 == how.copies;
    const Duration limit =
        is_last ? std::max(how.interval + how.patience, Patience())
                : how.interval;
    const bool came = co_await Until(limit, has_come);
    if (came) {
      break;
    }
  }
  co_return TakeFrom(at.inbox, is_it);
}

Task<std::optional<Seen>> Trial::Deliver(Socket& from, Endpoint to, Socket& at,
                                         Persistence how) {
  const Instant began = lab_.now();
  auto seen = co_await DeliverToken(from, to, at, how);
  if (seen) {
    lab_.crossing.Add(at.side(), seen->at - began);
  }
  co_return seen;
}

Task<std::optional<Seen>> Trial::DeliverToken(Socket& from, Endpoint to,
                                              Socket& at, Persistence how) {
  const uint64_t token = lab_.NextToken();
  if (from.protocol() == IpProtocol::kTcp) {
    netsim::TcpFields syn;
    syn.sequence = static_cast<uint32_t>(token * 64007);
    syn.flags = netsim::kTcpSyn;
    const uint32_t sequence = syn.sequence;
    co_return co_await Repeat(
        from.side(), netsim::BuildTcp(from.local(), to, syn, {}), at,
        [sequence, &at](const Seen& seen) {
          return seen.info.destination == at.local() && IsSyn(seen) &&
                 SequenceOf(seen) == sequence;
        },
        how);
  }
  lab_.ExpectToken(token, at);
  co_return co_await Repeat(
      from.side(), netsim::BuildUdp(from.local(), to, TokenPayload(token)), at,
      [token, &at](const Seen& seen) {
        return seen.token == token && seen.side == at.side() &&
               seen.info.destination == at.local();
      },
      how);
}

Task<std::optional<Endpoint>> Trial::Out(Socket& from, Socket& to,
                                         Persistence how) {
  const Endpoint destination = lab_.Toward(to.local());
  const auto seen = co_await Deliver(from, destination, to, how);
  std::optional<Endpoint> mapped;
  if (seen) {
    mapped = seen->info.source;
  }
  co_return mapped;
}

Task<bool> Trial::In(Socket& from, Endpoint mapped, Socket& to,
                     Persistence how) {
  const auto seen = co_await Deliver(from, mapped, to, how);
  co_return seen.has_value();
}

}  // namespace natkit::natcheck::conformance
