#include "natkit/mesh/dns/dns_config.h"

#include <algorithm>

namespace natkit::dns {
namespace {

bool IsExtra(const DnsConfig& config, const Name& name) {
  return std::ranges::find(config.extra, name, &Record::name) !=
         config.extra.end();
}

/// The data must be of the type's kind, or the record cannot be built.
bool HasFittingData(const Record& record) {
  const auto* address = std::get_if<IpAddress>(&record.data);
  switch (record.type) {
    case RecordType::kA:
      return address != nullptr && address->is_v4();
    case RecordType::kAaaa:
      return address != nullptr && address->is_v6();
    case RecordType::kCname:
    case RecordType::kPtr:
      return std::holds_alternative<Name>(record.data);
    case RecordType::kSoa:
      return std::holds_alternative<Soa>(record.data);
    case RecordType::kOpt:
    case RecordType::kAny:
    case RecordType::kIxfr:
    case RecordType::kAxfr:
      return false;
    default:
      return std::holds_alternative<OpaqueData>(record.data);
  }
}

Result<void> CheckExtra(const DnsConfig& config, const Name& domain) {
  for (const Record& record : config.extra) {
    if (!HasFittingData(record) || record.record_class != kClassIn) {
      return Fail(Errc::kBadValue);
    }
    if (record.type != RecordType::kCname) {
      continue;
    }
    const auto& target = std::get<Name>(record.data);
    if (!target.IsWithin(domain) && !IsExtra(config, target)) {
      return Fail(Errc::kBadValue);
    }
  }
  return {};
}

Result<void> CheckRoutes(const DnsConfig& config, const Name& domain) {
  for (const SplitRoute& route : config.routes) {
    const auto suffix = Name::FromText(route.suffix);
    if (!suffix) {
      return std::unexpected(suffix.error());
    }
    if (suffix->IsWithin(domain) || route.resolvers.empty()) {
      return Fail(Errc::kBadValue);
    }
  }
  return {};
}

Result<void> CheckHosts(const DnsConfig& config, const Name& domain) {
  for (const DnsHost& host : config.hosts) {
    const auto label = Name::FromText(host.name);
    if (!label) {
      return std::unexpected(label.error());
    }
    if (label->is_root()) {
      return Fail(Errc::kBadValue);
    }
    if (const auto full = Join(*label, domain); !full) {
      return std::unexpected(full.error());
    }
  }
  return {};
}

}  // namespace

Result<void> CheckDnsConfig(const DnsConfig& config) {
  const auto domain = Name::FromText(config.domain);
  if (!domain) {
    return std::unexpected(domain.error());
  }
  if (domain->is_root()) {
    return Fail(Errc::kBadValue);
  }
  for (const std::string& search : config.search) {
    if (const auto name = Name::FromText(search); !name) {
      return std::unexpected(name.error());
    }
  }
  if (auto hosts = CheckHosts(config, *domain); !hosts) {
    return hosts;
  }
  if (auto routes = CheckRoutes(config, *domain); !routes) {
    return routes;
  }
  return CheckExtra(config, *domain);
}

}  // namespace natkit::dns
