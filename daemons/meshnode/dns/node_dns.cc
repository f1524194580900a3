#include "dns/node_dns.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "natkit/shell/logging.h"

namespace natkit::meshnode {

namespace {

/// A map that changes all the time, as when many nodes join, costs one
/// configuration a second.
constexpr Duration kApplyInterval = std::chrono::seconds(1);
/// Trying again may keep packets waiting for a second: seldom.
constexpr Duration kFirstRetry = std::chrono::seconds(30);
constexpr Duration kLastRetry = std::chrono::hours(1);

Instant Now() {
  return io::EventLoop::Now();
}

std::string ListOf(const std::vector<IpAddress>& addresses) {
  std::string text;
  for (const IpAddress& address : addresses) {
    text += (text.empty() ? "" : ", ") + address.ToString();
  }
  return text;
}

std::string DescribeWay(DnsBackend backend) {
  switch (backend) {
    case DnsBackend::kResolved:
      return "systemd-resolved";
    case DnsBackend::kResolvconf:
      return "resolvconf";
    case DnsBackend::kFile:
      return "resolv.conf";
  }
  return "";
}

}  // namespace

NodeDns::NodeDns(io::EventLoop& loop, Rng& rng, std::string interface,
                 Options options)
    : loop_(loop),
      rng_(rng),
      interface_(std::move(interface)),
      options_(std::move(options)),
      retry_(kFirstRetry),
      system_(loop, options_.paths,
              {.on_resolvers =
                   [this](const std::vector<Endpoint>& resolvers) {
                     TakeResolvers(resolvers);
                   },
               .log = shell::DefaultLogSink()}),
      apply_timer_(loop, [this] { Apply(); }),
      retry_timer_(loop, [this] {
        is_resting_ = false;
        Apply();
      }) {
  system_.Recover(interface_);
}

void NodeDns::Start(Planner planner) {
  planner_ = std::move(planner);
  Refresh();
}

void NodeDns::Refresh() {
  if (!planner_) {
    return;
  }
  if (Now() >= next_apply_) {
    Apply();
  } else {
    apply_timer_.Arm(next_apply_);
  }
}

void NodeDns::SetChangesSystem(bool changes) {
  options_.changes_system = changes;
  if (!changes) {
    system_.Stop();
  }
  is_resting_ = false;
  Refresh();
}

void NodeDns::Stop() {
  planner_ = nullptr;
  apply_timer_.Disarm();
  retry_timer_.Disarm();
  EndServing();
}

std::vector<Endpoint> NodeDns::local_endpoints() const {
  return service_ ? service_->local_endpoints() : std::vector<Endpoint>{};
}

void NodeDns::Apply() {
  next_apply_ = Now() + kApplyInterval;
  apply_timer_.Disarm();
  const auto plan = planner_ ? planner_() : std::nullopt;
  if (!plan) {
    EndServing();
    return;
  }
  TellLeftOut(plan->left_out);
  Serve(*plan);
  if (service_ && options_.changes_system && !is_resting_) {
    SetUpSystem(plan->system);
  }
}

void NodeDns::Serve(const DnsPlan& plan) {
  has_own_resolvers_ = !plan.config.resolvers.empty();
  dns::DnsConfig config = plan.config;
  if (!has_own_resolvers_) {
    config.resolvers = system_.resolvers();
  }
  if (service_ && served_ == plan.system.servers) {
    if (const auto set = service_->SetConfig(std::move(config)); !set) {
      shell::Log(LogLevel::kWarning,
                 "the server's DNS settings cannot be used: " +
                     std::string(ErrcName(set.error().code)));
    }
    return;
  }
  EndServing();
  if (is_resting_) {
    return;
  }
  DnsServiceOptions options;
  for (const IpAddress& address : plan.system.servers) {
    options.listen.push_back({address, options_.port});
  }
  service_.emplace(loop_, rng_, shell::DefaultLogSink());
  served_ = plan.system.servers;
  if (const auto started = service_->Start(options, std::move(config));
      !started) {
    service_.reset();
    shell::Log(LogLevel::kWarning,
               "names of the mesh do not resolve: " + started.error() +
                   "; if another DNS server has all addresses of this system, "
                   "let it leave out " +
                   ListOf(served_));
    RetryLater();
  }
}

void NodeDns::SetUpSystem(const SystemDnsSettings& settings) {
  const bool was_set_up = system_.backend().has_value();
  const auto done = was_set_up ? system_.Update(settings)
                               : system_.Start(std::nullopt, settings);
  if (!done) {
    shell::Log(LogLevel::kWarning,
               "the system does not resolve names of the mesh: " +
                   done.error() + "; have it ask " + ListOf(settings.servers) +
                   ", or leave it as it is with --no-accept-dns");
    RetryLater();
    return;
  }
  retry_ = kFirstRetry;
  if (!was_set_up) {
    shell::Log(LogLevel::kInfo, "names of " + settings.search.front() +
                                    " resolve, by way of " +
                                    DescribeWay(*system_.backend()));
  }
}

void NodeDns::TakeResolvers(const std::vector<Endpoint>& resolvers) {
  if (service_ && !has_own_resolvers_) {
    (void)service_->SetResolvers(resolvers);
  }
}

void NodeDns::TellLeftOut(const std::vector<std::string>& left_out) {
  for (const std::string& text : left_out) {
    if (std::ranges::find(told_, text) == told_.end()) {
      shell::Log(LogLevel::kWarning, text);
    }
  }
  told_ = left_out;
}

/// The system first: it must not ask where nobody answers.
void NodeDns::EndServing() {
  system_.Stop();
  service_.reset();
}

void NodeDns::RetryLater() {
  is_resting_ = true;
  retry_timer_.Arm(Now() + retry_);
  retry_ = std::min(retry_ * 2, kLastRetry);
}

}  // namespace natkit::meshnode
