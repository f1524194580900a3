#include "settings_check.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <memory>
#include <set>
#include <utility>

#include "natkit/shell/command_line.h"
#include "natkit/shell/config_reader.h"

namespace natkit::stunsrv {

namespace {

/// Checks one file's worth of words; gathers everything that is wrong.
class Checker {
 public:
  explicit Checker(const RawSettings& raw) : raw_(raw) {}

  std::expected<Settings, std::vector<std::string>> Check();

 private:
  void Complain(std::string text) { errors_.push_back(std::move(text)); }

  void CheckListeners();
  void CheckPolicies();
  void CheckRateLimit();
  void CheckCredentials();
  void CheckDiscovery();
  void CheckPartner(const std::vector<IpAddress>& own);
  template <class Value, class... Choices>
  void Choose(const char* key, const std::string& word, Value& value,
              const Choices&... choices);
  std::vector<Endpoint> Endpoints(const char* key,
                                  const std::vector<std::string>& texts);
  std::optional<Endpoint> OneEndpoint(const char* key, const std::string& text);
  std::vector<IpAddress> Addresses(const char* key,
                                   const std::vector<std::string>& texts);
  void AddFour(AddressFamily family, const std::vector<IpAddress>& addresses,
               const std::vector<IpAddress>& advertised);
  void ListenOnFour(const stun::DiscoveryEndpoints& four);

  const RawSettings& raw_;
  Settings out_;
  std::vector<std::string> errors_;
};

std::expected<Settings, std::vector<std::string>> Checker::Check() {
  out_.threads = raw_.threads;
  out_.receive_buffer = raw_.receive_buffer;
  out_.gather_time = raw_.gather_time;
  if (raw_.gather_time > std::chrono::milliseconds(10)) {
    Complain("gather_time must be at most 0.01");
  }
  out_.max_connections = raw_.max_connections;
  out_.max_connections_per_source = raw_.max_connections_per_source;
  out_.idle_timeout = raw_.idle_timeout;
  if (raw_.idle_timeout <= Duration::zero()) {
    Complain("idle_timeout must be more than 0");
  }
  CheckListeners();
  CheckPolicies();
  CheckRateLimit();
  CheckCredentials();
  CheckDiscovery();
  const auto level = shell::ChooseLogLevel({}, raw_.log_level);
  if (level) {
    out_.log_level = *level;
  } else {
    Complain(level.error());
  }
  if (!errors_.empty()) {
    return std::unexpected(std::move(errors_));
  }
  return std::move(out_);
}

/// Gives `value` the meaning of `word`; a choice is a word and its meaning.
template <class Value, class... Choices>
void Checker::Choose(const char* key, const std::string& word, Value& value,
                     const Choices&... choices) {
  std::string expected;
  const auto test = [&](const auto& choice) {
    expected += expected.empty() ? "" : ", ";
    expected += '"' + std::string(choice.first) + '"';
    if (word != choice.first) {
      return false;
    }
    value = choice.second;
    return true;
  };
  if (!(test(choices) || ...)) {
    Complain(std::string(key) + " must be one of " + expected);
  }
}

void Checker::CheckListeners() {
  out_.udp = Endpoints("listen", raw_.listen);
  out_.tcp = Endpoints("listen_tcp", raw_.listen_tcp);
  out_.tls = Endpoints("listen_tls", raw_.listen_tls);
  out_.certificate = raw_.certificate;
  out_.private_key = raw_.private_key;
  if (!out_.tls.empty() &&
      (out_.certificate.empty() || out_.private_key.empty())) {
    Complain("listen_tls needs certificate and private_key, PEM files");
  } else if (out_.certificate.empty() != out_.private_key.empty()) {
    Complain("certificate and private_key belong together: give both");
  }
  std::set<Endpoint> seen;
  for (const auto* endpoints : {&out_.tcp, &out_.tls}) {
    for (const Endpoint& endpoint : *endpoints) {
      if (endpoint.port != 0 && !seen.insert(endpoint).second) {
        Complain(endpoint.ToString() + " is there twice for TCP and TLS");
      }
    }
  }
  if (raw_.metrics_listen.empty()) {
    return;
  }
  out_.metrics = OneEndpoint("metrics_listen", raw_.metrics_listen);
}

void Checker::CheckPolicies() {
  using stun::AmplificationPolicy;
  using stun::RequestPolicy;
  Choose("answer", raw_.answer, out_.requests,
         std::pair("any", RequestPolicy::kAny),
         std::pair("tailscale", RequestPolicy::kTailnodeOnly));
  Choose("amplification", raw_.amplification, out_.amplification,
         std::pair("balanced", AmplificationPolicy::kBalanced),
         std::pair("none", AmplificationPolicy::kNone),
         std::pair("any", AmplificationPolicy::kMinimal));
  out_.answers_rfc3489 = raw_.rfc3489;
  out_.software = raw_.software;
  if (raw_.software.size() > 128) {
    Complain("software is longer than 128 bytes");
  }
}

void Checker::CheckRateLimit() {
  if (raw_.rate_limit > 0) {
    out_.rate_limit = nat::RateLimit{
        .per_second = static_cast<uint32_t>(raw_.rate_limit),
        .burst =
            static_cast<uint32_t>(std::max(raw_.rate_burst, raw_.rate_limit)),
        .bucket_count = raw_.source_buckets};
  }
}

void Checker::CheckCredentials() {
  auto kind = CredentialKind::kNone;
  Choose("credentials", raw_.credentials, kind,
         std::pair("none", CredentialKind::kNone),
         std::pair("short-term", CredentialKind::kShortTerm),
         std::pair("long-term", CredentialKind::kLongTerm));
  if (!raw_.alternate_server.empty()) {
    out_.alternate_server =
        OneEndpoint("alternate_server", raw_.alternate_server);
  }
  if (kind == CredentialKind::kNone) {
    if (!raw_.users_file.empty() || !raw_.realm.empty() ||
        !raw_.alternate_server.empty()) {
      Complain(
          "users_file, realm and alternate_server need credentials: "
          "\"short-term\" or \"long-term\"");
    }
    return;
  }
  constexpr size_t kMaxRealm = 127;
  const bool is_long_term = kind == CredentialKind::kLongTerm;
  if (is_long_term != !raw_.realm.empty() || raw_.realm.size() > kMaxRealm) {
    Complain(
        "realm must have 1 to 127 bytes with long-term credentials, and be "
        "absent with short-term ones");
    return;
  }
  if (raw_.users_file.empty()) {
    Complain("credentials needs users_file");
    return;
  }
  auto users = Users::Load(raw_.users_file, kind, raw_.realm);
  if (users) {
    out_.users = std::make_shared<const Users>(*std::move(users));
  } else {
    std::ranges::copy(users.error(), std::back_inserter(errors_));
  }
}

void Checker::CheckDiscovery() {
  const bool has_partner = !raw_.partner_addresses.empty();
  if (raw_.discovery || !raw_.discovery_addresses.empty()) {
    out_.discovery.emplace();
    out_.discovery->response_port.bucket_count = raw_.source_buckets;
  }
  std::vector<IpAddress> addresses =
      Addresses("discovery_addresses", raw_.discovery_addresses);
  const auto advertised =
      Addresses("discovery_advertised", raw_.discovery_advertised);
  if (has_partner) {
    const std::vector<IpAddress> own = addresses;
    CheckPartner(own);
    if (out_.partner) {
      addresses.insert(addresses.end(), out_.partner->addresses.begin(),
                       out_.partner->addresses.end());
    }
  }
  if (raw_.discovery_port == raw_.discovery_other_port) {
    Complain("discovery_port and discovery_other_port are the same");
    return;
  }
  AddFour(AddressFamily::kIpv4, addresses, advertised);
  AddFour(AddressFamily::kIpv6, addresses, advertised);
}

void Checker::CheckPartner(const std::vector<IpAddress>& own) {
  PartnerSettings partner;
  partner.addresses = Addresses("partner_addresses", raw_.partner_addresses);
  partner.secret_file = raw_.partner_secret_file;
  if (raw_.partner_listen.empty() || raw_.partner_link.empty() ||
      raw_.partner_secret_file.empty()) {
    Complain(
        "partner_addresses needs partner_listen, partner_link and "
        "partner_secret_file");
    return;
  }
  const auto link = OneEndpoint("partner_listen", raw_.partner_listen);
  const auto remote = OneEndpoint("partner_link", raw_.partner_link);
  if (!link || !remote || own.empty() || partner.addresses.empty()) {
    if (own.empty()) {
      Complain("partner_addresses needs discovery_addresses, this machine's");
    }
    return;
  }
  partner.own_addresses = own;
  partner.link = *link;
  partner.remote_link = *remote;
  // Both machines come to opposite answers, whatever the order in the files.
  const auto least_own = std::ranges::min(
      raw_.discovery_advertised.empty()
          ? own
          : Addresses("discovery_advertised", raw_.discovery_advertised));
  partner.side = least_own < std::ranges::min(partner.addresses)
                     ? stun::PartnerSide::kFirst
                     : stun::PartnerSide::kSecond;
  if (const auto secret = LoadPartnerSecret(partner.secret_file); !secret) {
    Complain(secret.error());
    return;
  }
  out_.partner = std::move(partner);
}

/// Two addresses of the family make a set of four endpoints; none is fine.
void Checker::AddFour(AddressFamily family,
                      const std::vector<IpAddress>& addresses,
                      const std::vector<IpAddress>& advertised) {
  std::vector<IpAddress> pair;
  stun::DiscoveryEndpoints four;
  for (size_t i = 0; i < addresses.size(); ++i) {
    if (addresses[i].family() == family) {
      if (pair.size() < 2 && i < advertised.size()) {
        four.advertised[pair.size()] = advertised[i];
      }
      pair.push_back(addresses[i]);
    }
  }
  if (pair.empty()) {
    return;
  }
  four.ports = {static_cast<uint16_t>(raw_.discovery_port),
                static_cast<uint16_t>(raw_.discovery_other_port)};
  if (pair.size() == 2) {
    std::ranges::copy(pair, four.addresses.begin());
  }
  if (!four.is_valid()) {
    Complain(
        "discovery_addresses, and partner_addresses, must together be two "
        "different addresses of a family: A1 and A2 of RFC 5780");
    return;
  }
  out_.discovery->endpoints.push_back(four);
  ListenOnFour(four);
}

/// Adds what of the four is this machine's and not served yet.
void Checker::ListenOnFour(const stun::DiscoveryEndpoints& four) {
  for (const size_t address : {0U, 1U}) {
    for (const size_t port : {0U, 1U}) {
      const Endpoint endpoint = four.Local({.address = address, .port = port});
      const bool is_partners =
          out_.partner &&
          std::ranges::find(out_.partner->addresses, endpoint.address) !=
              out_.partner->addresses.end();
      const bool is_served =
          std::ranges::any_of(out_.udp, [&](const Endpoint& served) {
            return served.port == endpoint.port &&
                   served.address.family() == endpoint.address.family() &&
                   (served.address == endpoint.address ||
                    served.address.is_unspecified());
          });
      if (!is_partners && !is_served) {
        out_.udp.push_back(endpoint);
      }
    }
  }
}

std::vector<Endpoint> Checker::Endpoints(
    const char* key, const std::vector<std::string>& texts) {
  std::vector<Endpoint> all;
  for (const std::string& text : texts) {
    const auto endpoints = shell::ParseListenAddress(text);
    if (endpoints.empty()) {
      Complain(std::string(key) + " '" + text + "' is not ADDRESS:PORT");
    }
    all.insert(all.end(), endpoints.begin(), endpoints.end());
  }
  return all;
}

std::optional<Endpoint> Checker::OneEndpoint(const char* key,
                                             const std::string& text) {
  const auto endpoint = Endpoint::Parse(text);
  if (!endpoint) {
    Complain(std::string(key) + " '" + text + "' is not ADDRESS:PORT");
    return std::nullopt;
  }
  return *endpoint;
}

std::vector<IpAddress> Checker::Addresses(
    const char* key, const std::vector<std::string>& texts) {
  std::vector<IpAddress> all;
  for (const std::string& text : texts) {
    if (const auto address = IpAddress::Parse(text)) {
      all.push_back(*address);
    } else {
      Complain(std::string(key) + " '" + text + "' is not an IP address");
    }
  }
  return all;
}

}  // namespace

std::expected<Settings, std::vector<std::string>> CheckSettings(
    const RawSettings& raw) {
  return Checker(raw).Check();
}

}  // namespace natkit::stunsrv
