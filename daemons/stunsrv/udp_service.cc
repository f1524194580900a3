#include "udp_service.h"

#include <algorithm>
#include <utility>

#include "natkit/shell/logging.h"
#include "natkit/shell/stream_server.h"

namespace natkit::stunsrv {

namespace {

using shell::Outcome;

/// An IPv6 wildcard that the system cannot have is only worth a warning.
bool IsOptional(const Endpoint& endpoint, const std::vector<Endpoint>& all,
                const Error& error) {
  return endpoint.address.is_v6() && endpoint.address.is_unspecified() &&
         error.code != Errc::kAddressInUse && all.size() > 1;
}

}  // namespace

Outcome<void> UdpService::Start(const Settings& settings,
                                InheritedSockets& inherited) {
  thread_count_ = settings.threads;
  for (io::BatchSocket& socket : inherited.udp) {
    const Endpoint local = socket.local_endpoint();
    const io::BatchSocketOptions options{
        .shares_port = socket.shares_port(),
        .receive_buffer = settings.receive_buffer};
    inherited_[local] = Share(std::move(socket), options);
  }
  auto groups = OpenAll(settings, groups_);
  if (!groups) {
    return std::unexpected(groups.error());
  }
  groups_ = *std::move(groups);
  auto partner = OpenPartner(settings);
  if (!partner) {
    return std::unexpected(partner.error());
  }
  partner_ = *std::move(partner);
  for (size_t i = 0; i < thread_count_; ++i) {
    auto worker = UdpWorker::Start(StateFor(i, settings));
    if (!worker) {
      return std::unexpected(worker.error());
    }
    workers_.push_back(*std::move(worker));
  }
  return {};
}

Outcome<void> UdpService::Reload(const Settings& settings) {
  auto groups = OpenAll(settings, groups_);
  if (!groups) {
    return std::unexpected(groups.error());
  }
  auto partner = OpenPartner(settings);
  if (!partner) {
    return std::unexpected(partner.error());
  }
  groups_ = *std::move(groups);
  partner_ = *std::move(partner);
  for (size_t i = 0; i < workers_.size(); ++i) {
    workers_[i]->Update(StateFor(i, settings));
  }
  return {};
}

Outcome<UdpService::Groups> UdpService::OpenAll(const Settings& settings,
                                                const Groups& existing) const {
  Groups groups;
  for (const Endpoint& local : settings.udp) {
    if (inherited_.contains(local)) {
      continue;
    }
    if (const auto found = existing.find(local); found != existing.end()) {
      groups.insert(*found);
      continue;
    }
    auto group = Open(local, settings.receive_buffer);
    if (group) {
      groups.emplace(local, *std::move(group));
      continue;
    }
    const std::string text =
        shell::DescribeListenFailure("UDP", local, group.error());
    if (!IsOptional(local, settings.udp, group.error())) {
      return std::unexpected(text);
    }
    shell::Log(LogLevel::kWarning, text);
  }
  return groups;
}

Result<UdpService::Group> UdpService::Open(const Endpoint& local,
                                           size_t receive_buffer) const {
  // Sockets that share a port would also share it with another server of this
  // user; the first attempt does not, and so finds out.
  auto exclusive = io::BatchSocket::Bind(
      local, {.receive_buffer = thread_count_ == 1 ? receive_buffer : 0});
  if (!exclusive) {
    return std::unexpected(exclusive.error());
  }
  if (thread_count_ == 1) {
    return Group{std::make_shared<io::BatchSocket>(*std::move(exclusive))};
  }
  const Endpoint actual = exclusive->local_endpoint();
  {
    const io::BatchSocket closing = *std::move(exclusive);
  }
  const io::BatchSocketOptions options{.shares_port = true,
                                       .receive_buffer = receive_buffer};
  auto first = io::BatchSocket::Bind(actual, options);
  if (!first) {
    return std::unexpected(first.error());
  }
  return Share(*std::move(first), options);
}

UdpService::Group UdpService::Share(
    io::BatchSocket first, const io::BatchSocketOptions& options) const {
  const Endpoint actual = first.local_endpoint();
  Group group{std::make_shared<io::BatchSocket>(std::move(first))};
  if (!options.shares_port) {
    return group;
  }
  while (group.size() < thread_count_) {
    auto next = io::BatchSocket::Bind(actual, options);
    if (!next) {
      shell::Log(LogLevel::kWarning,
                 actual.ToString() + " is served by one thread: " +
                     std::string(ErrcName(next.error().code)));
      group.resize(1);
      return group;
    }
    group.push_back(std::make_shared<io::BatchSocket>(*std::move(next)));
  }
  if (!group.front()->SteerBySource(static_cast<uint32_t>(thread_count_),
                                    salt_)) {
    shell::Log(LogLevel::kWarning,
               actual.ToString() +
                   ": the system cannot keep a source on one thread; limits "
                   "hold for each thread");
  }
  return group;
}

Outcome<std::shared_ptr<PartnerShell>> UdpService::OpenPartner(
    const Settings& settings) const {
  if (!settings.partner) {
    return nullptr;
  }
  return PartnerShell::Make(*settings.partner, partner_);
}

UdpWorker::State UdpService::StateFor(size_t index,
                                      const Settings& settings) const {
  UdpWorker::State state{.server = std::make_unique<stun::StunServer>(
                             MakeServerConfig(settings), rng_),
                         .sockets = {},
                         .senders = {},
                         .partner = partner_,
                         .reads_link = partner_ != nullptr && index == 0,
                         .gather_time = settings.gather_time};
  for (const Groups* groups : {&groups_, &inherited_}) {
    for (const auto& [local, group] : *groups) {
      const bool has_own = index < group.size();
      state.senders.push_back(group[has_own ? index : 0]);
      if (has_own) {
        state.sockets.push_back(group[index]);
      }
    }
  }
  return state;
}

void UdpService::WaitForUpdate() {
  for (const auto& worker : workers_) {
    worker->WaitForUpdate();
  }
}

void UdpService::Stop() {
  for (const auto& worker : workers_) {
    worker->Stop();
  }
}

std::vector<Endpoint> UdpService::local_endpoints() const {
  std::vector<Endpoint> endpoints;
  for (const Groups* groups : {&groups_, &inherited_}) {
    for (const auto& [local, group] : *groups) {
      endpoints.push_back(group.front()->local_endpoint());
    }
  }
  return endpoints;
}

UdpCounters UdpService::counters() const {
  UdpCounters sum;
  for (const auto& worker : workers_) {
    const UdpCounters counters = worker->counters();
    sum.server += counters.server;
    sum.batches += counters.batches;
    sum.truncated += counters.truncated;
    sum.send_errors += counters.send_errors;
  }
  return sum;
}

}  // namespace natkit::stunsrv
