#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/result.h"
#include "natkit/mesh/dns/dns_config.h"
#include "natkit/mesh/dns/dns_message.h"
#include "natkit/mesh/dns/dns_name.h"

namespace natkit::dns {

/// What the zone says to a question.
struct LocalAnswer {
  Rcode rcode = Rcode::kNoError;
  std::vector<Record> answers;
  std::vector<Record> authorities;  ///< the SOA of a negative answer
};

/// The names that are answered here and nowhere else: the mesh domain, single
/// labels that are hosts, the reverse names of the hosts' addresses, and extra
/// records. Pure.
class Zone {
 public:
  static constexpr uint32_t kTtl = 60;          ///< seconds
  static constexpr uint32_t kNegativeTtl = 10;  ///< seconds (RFC 2308)

  /// `config` must have passed CheckDnsConfig().
  void Reset(const DnsConfig& config);
  /// Adds the host or replaces its addresses. Errors: as Name::FromText().
  [[nodiscard]] Result<void> SetHost(const DnsHost& host);
  /// False: there was none.
  bool RemoveHost(std::string_view name);

  /// nullopt: not a name of ours, others may be asked.
  [[nodiscard]] std::optional<LocalAnswer> Answer(
      const Question& question) const;

  [[nodiscard]] const Name& domain() const { return domain_; }

 private:
  void Insert(const Name& name, const std::vector<IpAddress>& addresses);
  void Erase(const Name& name);
  void CountAncestors(const Name& name, int step);
  [[nodiscard]] bool Exists(const Name& name) const;
  [[nodiscard]] std::vector<Record> RecordsAt(const Name& name) const;
  void Resolve(const Question& question, LocalAnswer& out) const;
  [[nodiscard]] LocalAnswer AnswerInZone(const Question& question,
                                         const Name& zone) const;
  [[nodiscard]] std::optional<LocalAnswer> AnswerLabel(
      const Question& question) const;
  [[nodiscard]] LocalAnswer AnswerReverse(const Question& question,
                                          const std::set<Name>& names) const;
  [[nodiscard]] Record MakeSoa(const Name& zone) const;

  Name domain_;
  uint32_t serial_ = 0;
  std::map<Name, std::vector<IpAddress>> hosts_;
  std::map<Name, std::vector<Record>> extra_;
  std::map<Name, std::set<Name>> reverse_;
  /// Names in the domain that have others below them, with how many.
  std::map<Name, int> ancestors_;
};

}  // namespace natkit::dns
