#include <algorithm>
#include <utility>
#include <variant>

#include "natkit/shell/logging.h"
#include "shell/node_shell.h"

namespace natkit::meshnode {

namespace {

/// For the router to take its mapping back; UPnP needs the most.
constexpr Duration kFarewell = std::chrono::seconds(3);

std::string DescribeMapping(const nat::PortMapping& mapping) {
  std::string text = "the router maps " + mapping.external.ToString() +
                     " to port " + std::to_string(mapping.key.internal_port) +
                     " by " +
                     std::string(nat::PortMappingServiceName(mapping.service));
  switch (mapping.standing) {
    case nat::MappingStanding::kUnverified:
      return text + ", not verified by a STUN server yet";
    case nat::MappingStanding::kNotProbed:
      return text + "; whether packets come in there is not known";
    case nat::MappingStanding::kVerified:
      return text + ", and packets from outside come in there";
    case nat::MappingStanding::kUnreachable:
      return text + ", but packets from outside do not arrive there";
    case nat::MappingStanding::kBehindNat:
      return text + ", but another NAT stands between it and the Internet";
  }
  return text;
}

}  // namespace

void NodeShell::StartPortMapping() {
  const auto port = udp_->ports().v4;
  if (!uses_port_mapping_ || !self_->port_mapping || !port) {
    return;
  }
  port_mapping_.emplace(
      loop_, rng_,
      nat::PortMapperConfig{.description = "natkit " + self_->name},
      [this](const nat::PortMapperEvent& event) { HandlePortMapping(event); },
      std::move(pcp_nonce_key_));
  port_mapping_->SetFwmark(fwmark_);
  port_mapping_->Map({.internal_port = *port});
  port_mapping_->Refresh();
  // Also before the router has said anything: it is being asked.
  node_->SetPortMapping(io::EventLoop::Now(),
                        mesh::DescribePortMapper(port_mapping_->mapper()));
  Pump();
}

void NodeShell::HandlePortMapping(const nat::PortMapperEvent& event) {
  if (const auto* mapped = std::get_if<nat::PortMapped>(&event)) {
    shell::Log(LogLevel::kInfo, DescribeMapping(mapped->mapping));
  } else if (const auto* failed = std::get_if<nat::PortNotMapped>(&event)) {
    shell::Log(LogLevel::kInfo,
               "no port mapping by " +
                   std::string(nat::PortMappingServiceName(failed->service)) +
                   ": " +
                   std::string(nat::DescribePortMappingError(failed->error)));
  } else if (const auto* service =
                 std::get_if<nat::PortMappingServiceChanged>(&event);
             service != nullptr && !service->service) {
    shell::Log(LogLevel::kInfo,
               "no port mapping: the router offers neither PCP, NAT-PMP nor "
               "UPnP, or they are switched off");
  }
  node_->SetPortMapping(io::EventLoop::Now(),
                        mesh::DescribePortMapper(port_mapping_->mapper()));
  Pump();
}

void NodeShell::TellPortMapping(const mesh::ReflexiveChanged& seen) {
  std::vector<IpAddress> addresses;
  for (const Endpoint& mapped : seen.mapped) {
    if (mapped.address.is_v4()) {
      addresses.push_back(mapped.address);
    }
  }
  if (port_mapping_) {
    port_mapping_->SetReflexiveAddresses(std::move(addresses));
  }
}

void NodeShell::TellPortMapping(const mesh::MappingProbed& probed) {
  if (port_mapping_) {
    port_mapping_->SetInboundReach(probed.key, probed.external, probed.reach);
  }
}

void NodeShell::EndPortMapping() {
  // Also what has been asked for and not been answered may exist.
  const bool may_have_mapping =
      port_mapping_ && port_mapping_->mapper().service();
  if (!may_have_mapping || is_stopping_) {
    loop_.Stop();
    return;
  }
  is_stopping_ = true;
  port_mapping_->Shutdown(kFarewell, [this] { loop_.Stop(); });
}

}  // namespace natkit::meshnode
