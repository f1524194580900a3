#include "routes/route_manager.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/file.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <utility>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/io/file.h"
#include "natkit/io/link_control.h"
#include "natkit/io/policy_routing.h"
#include "natkit/shell/error_text.h"
#include "routes/nft_rules.h"

namespace natkit::meshnode {
namespace {

using routing::RouteKind;
using routing::RouteTable;
using routing::RuleKind;
using shell::Outcome;
using Action = routing::Step::Action;

constexpr const char* kGuardianName = "natkit-routes";
constexpr const char* kSourceMark = "net/ipv4/conf/all/src_valid_mark";
constexpr uint32_t kMetric = 10;
constexpr uint32_t kLastMetric = 1000000;
constexpr uint16_t kDnsPort = 53;
constexpr uint16_t kDhcpServerPort = 67;
constexpr uint16_t kDhcpClientPort = 68;

io::TableRoute::Kind KindOf(RouteKind kind) {
  switch (kind) {
    case RouteKind::kTunnel:
      return io::TableRoute::Kind::kInterface;
    case RouteKind::kThrow:
      return io::TableRoute::Kind::kThrow;
    case RouteKind::kUnreachable:
      return io::TableRoute::Kind::kUnreachable;
  }
  return io::TableRoute::Kind::kUnreachable;
}

uint32_t TableOf(RouteTable table, const RouteSettings& settings) {
  switch (table) {
    case RouteTable::kMesh:
      return settings.mesh_table;
    case RouteTable::kExit:
      return settings.exit_table;
    case RouteTable::kGone:
      return settings.gone_table;
  }
  return settings.gone_table;
}

/// The rules of the system that one planned rule is.
std::vector<io::PolicyRule> RulesFor(const routing::PlannedRule& planned,
                                     const RouteSettings& settings) {
  io::PolicyRule rule{
      .family = planned.family,
      .priority = settings.priority + static_cast<uint32_t>(planned.kind)};
  switch (planned.kind) {
    case RuleKind::kMesh:
      rule.table = settings.mesh_table;
      rule.unless_mark = settings.fwmark;
      break;
    case RuleKind::kDns: {
      // Inversion concerns a rule as a whole, so "not marked" needs a rule of
      // its own beside a port.
      io::PolicyRule marked = rule;
      marked.only_mark = settings.fwmark;
      rule.table = settings.exit_table;
      rule.destination_port = kDnsPort;
      rule.ip_protocol = IPPROTO_UDP;
      io::PolicyRule tcp = rule;
      tcp.ip_protocol = IPPROTO_TCP;
      return {marked, rule, tcp};
    }
    case RuleKind::kLan:
      rule.suppress_prefix_length = 0;
      break;
    case RuleKind::kDhcp:
      rule.ip_protocol = IPPROTO_UDP;
      rule.source_port = kDhcpClientPort;
      rule.destination_port = kDhcpServerPort;
      break;
    case RuleKind::kLinkLocal:
      rule.to = IpPrefix::Parse("fe80::/10").value();
      break;
    case RuleKind::kExit:
      rule.table = settings.exit_table;
      rule.unless_mark = settings.fwmark;
      break;
    case RuleKind::kGone:
      rule.priority = settings.gone_priority;
      rule.table = settings.gone_table;
      rule.unless_mark = settings.fwmark;
      break;
  }
  return {rule};
}

/// What an operator should know of a change; success where it does not matter.
Outcome<void> Judge(const Result<void>& done, AddressFamily family,
                    Action action) {
  if (done) {
    return {};
  }
  const Errc code = done.error().code;
  const bool is_missing_family =
      family == AddressFamily::kIpv6 && code == Errc::kUnsupported;
  const bool is_gone = action == Action::kRemove &&
                       (code == Errc::kNotFound || code == Errc::kNoDevice);
  const bool is_there = action == Action::kPut && code == Errc::kAlreadyExists;
  if (is_missing_family || is_gone || is_there) {
    return {};
  }
  if (code == Errc::kPermissionDenied) {
    return std::unexpected("run as root or with CAP_NET_ADMIN");
  }
  return std::unexpected(std::string(ErrcName(code)));
}

}  // namespace

RouteManager::RouteManager(RouteSettings settings, RoutePaths paths,
                           LogSink log)
    : settings_(std::move(settings)),
      paths_(std::move(paths)),
      log_(std::move(log)),
      state_{.tun = settings_.tun} {}

RouteManager::~RouteManager() {
  Stop();
}

Outcome<void> RouteManager::TakeLock() {
  std::error_code error;
  std::filesystem::create_directories(paths_.run_folder, error);
  const std::string file = RouteStateFile(settings_, paths_) + ".lock";
  io::UniqueFd lock(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock.is_valid()) {
    return std::unexpected(shell::SystemError(file));
  }
  // A guardian of an earlier process may be at work still: it holds the lock.
  constexpr int kAttempts = 250;
  constexpr timespec kPause{.tv_sec = 0, .tv_nsec = 20'000'000};
  for (int i = 0; ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0; ++i) {
    if (i == kAttempts) {
      return std::unexpected("another natkit process has the routing table " +
                             std::to_string(settings_.mesh_table) +
                             ": it holds " + file);
    }
    ::nanosleep(&kPause, nullptr);
  }
  lock_ = std::move(lock);
  return {};
}

Outcome<void> RouteManager::Start() {
  if (auto taken = TakeLock(); !taken) {
    return taken;
  }
  if (auto undone = UndoRoutes(settings_, paths_); !undone) {
    lock_.Reset();
    return undone;
  }
  if (auto written = WriteState(); !written) {
    lock_.Reset();
    return written;
  }
  const std::array keep{lock_.get()};
  auto guardian = Guardian::Start(
      [settings = settings_, paths = paths_] {
        static_cast<void>(UndoRoutes(settings, paths));
      },
      keep, kGuardianName);
  if (!guardian) {
    lock_.Reset();
    return std::unexpected(guardian.error());
  }
  guardian_.emplace(*std::move(guardian));
  return {};
}

Outcome<void> RouteManager::Apply(const routing::SystemPlan& plan) {
  for (const routing::Step& step : routing::Diff(current_, plan)) {
    if (const auto done = Do(step); !done) {
      return std::unexpected("cannot " + Describe(step) + ": " + done.error());
    }
    routing::Apply(step, current_);
  }
  return {};
}

void RouteManager::Stop() {
  if (!lock_.is_valid()) {
    return;
  }
  auto undone = Apply({});
  if (undone) {
    undone = UndoRoutes(settings_, paths_);
  }
  if (!undone) {
    log_(LogLevel::kWarning, "routes: " + undone.error());
  }
  if (guardian_) {
    guardian_->Dismiss();
    guardian_.reset();
  }
  current_ = {};
  state_ = {.tun = settings_.tun, .before = {}, .set = {}};
  lock_.Reset();
}

pid_t RouteManager::guardian_pid() const {
  return guardian_ ? guardian_->pid() : 0;
}

Outcome<void> RouteManager::Do(const routing::Step& step) {
  return std::visit([&](const auto& what) { return Set(what, step.action); },
                    step.what);
}

Outcome<void> RouteManager::Set(const IpAddress& address, Action action) {
  auto link = io::LinkControl::Find(settings_.tun);
  if (!link) {
    return Judge(std::unexpected(link.error()), address.family(), action);
  }
  const int length = address.bit_count();
  return Judge(action == Action::kPut ? link->AddAddress(address, length)
                                      : link->RemoveAddress(address, length),
               address.family(), action);
}

Outcome<void> RouteManager::Set(const routing::PlannedRoute& planned,
                                Action action) {
  io::TableRoute route{.to = planned.to,
                       .table = TableOf(planned.table, settings_),
                       .kind = KindOf(planned.kind),
                       .metric = planned.kind == RouteKind::kUnreachable
                                     ? kLastMetric
                                     : kMetric};
  const AddressFamily family = planned.to.address().family();
  if (planned.kind == RouteKind::kTunnel) {
    const auto link = io::LinkControl::Find(settings_.tun);
    if (!link) {
      return Judge(std::unexpected(link.error()), family, action);
    }
    route.interface = link->index();
  }
  return Judge(
      action == Action::kPut ? io::PutRoute(route) : io::RemoveRoute(route),
      family, action);
}

Outcome<void> RouteManager::Set(const routing::PlannedRule& planned,
                                Action action) {
  Outcome<void> done;
  for (const io::PolicyRule& rule : RulesFor(planned, settings_)) {
    if (done) {
      done = Judge(
          action == Action::kPut ? io::AddRule(rule) : io::RemoveRule(rule),
          planned.family, action);
    }
  }
  return done;
}

Outcome<void> RouteManager::Set(const routing::Firewall& firewall,
                                Action /*action*/) {
  if (firewall.guards_exit) {
    // Reverse path filters look at marks only if this is set.
    if (auto changed = ChangeSysctl(kSourceMark, "1"); !changed) {
      log_(LogLevel::kWarning, "routes: " + changed.error());
    }
  }
  if (paths_.programs.Find("nft")) {
    const auto run = paths_.programs.Run(
        {"nft", "-f", "-"},
        NftScript(settings_.tun, settings_.fwmark, firewall));
    return run ? Outcome<void>() : std::unexpected(run.error());
  }
  if (firewall.forwards) {
    return std::unexpected("nft is not installed (package nftables)");
  }
  if (firewall.guards_exit) {
    log_(LogLevel::kWarning,
         "routes: nft is not installed (package nftables): a strict "
         "net.ipv4.conf.*.rp_filter would drop what comes from peers");
  }
  return {};
}

std::optional<std::string> RouteManager::Trouble() const {
  return ForwardingTrouble(paths_.sysctls, current_.forwarding);
}

Outcome<void> RouteManager::Set(const routing::Forwarding& forwarding,
                                Action /*action*/) {
  const auto trouble = ForwardingTrouble(paths_.sysctls, forwarding);
  if (trouble && !settings_.enables_forwarding) {
    log_(LogLevel::kWarning, "routes: " + *trouble);
    return {};
  }
  for (const auto& [name, value] :
       ForwardingChanges(paths_.sysctls, forwarding)) {
    if (auto changed = ChangeSysctl(name, value); !changed) {
      return changed;
    }
  }
  return {};
}

Outcome<void> RouteManager::ChangeSysctl(const std::string& name,
                                         const std::string& value) {
  const auto before = ReadSysctl(paths_.sysctls, name);
  if (!before || *before == value) {
    return {};
  }
  state_.before.try_emplace(name, *before);
  state_.set[name] = value;
  if (auto written = WriteState(); !written) {
    return written;
  }
  return WriteSysctl(paths_.sysctls, name, value);
}

Outcome<void> RouteManager::WriteState() const {
  const std::string file = RouteStateFile(settings_, paths_);
  const auto written =
      io::WriteFileAtomically(file, AsBytes(FormatRouteState(state_)));
  if (!written) {
    return std::unexpected(file + ": " +
                           std::string(ErrcName(written.error().code)));
  }
  return {};
}

}  // namespace natkit::meshnode
