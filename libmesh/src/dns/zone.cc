#include "dns/zone.h"

#include <algorithm>
#include <utility>

namespace natkit::dns {
namespace {

/// Longer chains of CNAME are cut.
constexpr int kMaxAliases = 8;

bool Matches(RecordType asked, RecordType type) {
  return asked == RecordType::kAny || asked == type;
}

Record AddressRecord(const Name& name, const IpAddress& address) {
  return {.name = name,
          .type = address.is_v4() ? RecordType::kA : RecordType::kAaaa,
          .ttl = Zone::kTtl,
          .data = address};
}

/// What resolvers ask about top-level domains on their own account: a host
/// that is named like one must not hide it.
bool IsAboutDelegation(RecordType type) {
  return type == RecordType::kNs || type == RecordType::kSoa ||
         type == RecordType::kDs || type == RecordType::kDnskey;
}

}  // namespace

void Zone::Reset(const DnsConfig& config) {
  domain_ = Name::FromText(config.domain).value_or(Name());
  hosts_.clear();
  extra_.clear();
  reverse_.clear();
  ancestors_.clear();
  ++serial_;
  for (const DnsHost& host : config.hosts) {
    (void)SetHost(host);
  }
  for (const Record& record : config.extra) {
    extra_[record.name].push_back(record);
    CountAncestors(record.name, 1);
  }
}

Result<void> Zone::SetHost(const DnsHost& host) {
  const auto label = Name::FromText(host.name);
  if (!label) {
    return std::unexpected(label.error());
  }
  const auto name = Join(*label, domain_);
  if (!name) {
    return std::unexpected(name.error());
  }
  Erase(*name);
  Insert(*name, host.addresses);
  return {};
}

bool Zone::RemoveHost(std::string_view name) {
  const auto label = Name::FromText(name);
  const auto full = label ? Join(*label, domain_) : Result<Name>(Name());
  if (!full || !hosts_.contains(*full)) {
    return false;
  }
  Erase(*full);
  return true;
}

void Zone::Insert(const Name& name, const std::vector<IpAddress>& addresses) {
  ++serial_;
  hosts_.emplace(name, addresses);
  CountAncestors(name, 1);
  for (const IpAddress& address : addresses) {
    reverse_[Name::Reverse(address.bytes())].insert(name);
  }
}

void Zone::Erase(const Name& name) {
  const auto host = hosts_.find(name);
  if (host == hosts_.end()) {
    return;
  }
  ++serial_;
  for (const IpAddress& address : host->second) {
    const auto reverse = reverse_.find(Name::Reverse(address.bytes()));
    if (reverse != reverse_.end() && reverse->second.erase(name) != 0 &&
        reverse->second.empty()) {
      reverse_.erase(reverse);
    }
  }
  hosts_.erase(host);
  CountAncestors(name, -1);
}

void Zone::CountAncestors(const Name& name, int step) {
  for (Name at = name.Parent(); at.IsWithin(domain_) && at != domain_;
       at = at.Parent()) {
    const auto ancestor = ancestors_.try_emplace(at, 0).first;
    ancestor->second += step;
    if (ancestor->second == 0) {
      ancestors_.erase(ancestor);
    }
  }
}

std::optional<LocalAnswer> Zone::Answer(const Question& question) const {
  if (question.name.IsWithin(domain_)) {
    return AnswerInZone(question, domain_);
  }
  if (extra_.contains(question.name)) {
    return AnswerInZone(question, question.name);
  }
  if (const auto reverse = reverse_.find(question.name);
      reverse != reverse_.end()) {
    return AnswerReverse(question, reverse->second);
  }
  return AnswerLabel(question);
}

LocalAnswer Zone::AnswerInZone(const Question& question,
                               const Name& zone) const {
  LocalAnswer out;
  Resolve(question, out);
  if (question.name == domain_ && Matches(question.type, RecordType::kSoa)) {
    out.answers.push_back(MakeSoa(domain_));
  }
  const bool is_negative = out.answers.empty() || out.rcode == Rcode::kNxDomain;
  if (is_negative) {
    out.authorities.push_back(MakeSoa(zone));
  }
  return out;
}

/// Follows CNAME within what is known here (RFC 1034 section 4.3.2).
void Zone::Resolve(const Question& question, LocalAnswer& out) const {
  Name at = question.name;
  for (int alias = 0; alias <= kMaxAliases; ++alias) {
    const auto records = RecordsAt(at);
    const auto cname =
        std::ranges::find(records, RecordType::kCname, &Record::type);
    if (cname == records.end() || Matches(question.type, RecordType::kCname)) {
      std::ranges::copy_if(
          records, std::back_inserter(out.answers),
          [&](const Record& r) { return Matches(question.type, r.type); });
      out.rcode = Exists(at) ? Rcode::kNoError : Rcode::kNxDomain;
      return;
    }
    out.answers.push_back(*cname);
    at = std::get<Name>(cname->data);
  }
}

std::vector<Record> Zone::RecordsAt(const Name& name) const {
  std::vector<Record> records;
  if (const auto host = hosts_.find(name); host != hosts_.end()) {
    for (const IpAddress& address : host->second) {
      records.push_back(AddressRecord(name, address));
    }
  }
  if (const auto extra = extra_.find(name); extra != extra_.end()) {
    for (Record record : extra->second) {
      record.name = name;  // as it was asked for
      records.push_back(std::move(record));
    }
  }
  return records;
}

bool Zone::Exists(const Name& name) const {
  return name == domain_ || hosts_.contains(name) || extra_.contains(name) ||
         ancestors_.contains(name);
}

std::optional<LocalAnswer> Zone::AnswerLabel(const Question& question) const {
  if (question.name.label_count() != 1 || IsAboutDelegation(question.type)) {
    return std::nullopt;
  }
  const auto full = Join(question.name, domain_);
  const auto host = full ? hosts_.find(*full) : hosts_.end();
  if (host == hosts_.end()) {
    return std::nullopt;
  }
  LocalAnswer out;
  for (const IpAddress& address : host->second) {
    Record record = AddressRecord(question.name, address);
    if (Matches(question.type, record.type)) {
      out.answers.push_back(std::move(record));
    }
  }
  if (out.answers.empty()) {
    out.authorities.push_back(MakeSoa(question.name));
  }
  return out;
}

LocalAnswer Zone::AnswerReverse(const Question& question,
                                const std::set<Name>& names) const {
  LocalAnswer out;
  if (!Matches(question.type, RecordType::kPtr)) {
    out.authorities.push_back(MakeSoa(question.name));
    return out;
  }
  for (const Name& name : names) {
    out.answers.push_back({.name = question.name,
                           .type = RecordType::kPtr,
                           .ttl = kTtl,
                           .data = name});
  }
  return out;
}

/// Its own time to live is that of the negative answer (RFC 2308 section 3).
Record Zone::MakeSoa(const Name& zone) const {
  return {.name = zone,
          .type = RecordType::kSoa,
          .ttl = kNegativeTtl,
          .data = Soa{.primary = domain_,
                      .mailbox = domain_,
                      .serial = serial_,
                      .refresh = kTtl,
                      .retry = kTtl,
                      .expire = kTtl,
                      .minimum = kNegativeTtl}};
}

}  // namespace natkit::dns
