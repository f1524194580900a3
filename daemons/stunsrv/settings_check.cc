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
  Checker(const RawSettings& raw, const KeyPlaces& places)
      : raw_(raw), places_(places) {}

  std::expected<Settings, std::vector<std::string>> Check();

 private:
  void Complain(const char* key, std::string_view text) {
    const std::string place = places_(key);
    errors_.push_back(place + (place.empty() ? "" : ": ") + std::string(text));
  }

  void CheckListeners();
  void CheckPolicies();
  void CheckRateLimit();
  void CheckCredentials();
  void CheckDiscovery();
  [[nodiscard]] bool NamesPartner() const;
  [[nodiscard]] bool CheckPartner(const std::vector<IpAddress>& own,
                                  const std::vector<IpAddress>& seen);
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
  const KeyPlaces& places_;
  Settings out_;
  std::vector<std::string> errors_;
};

std::expected<Settings, std::vector<std::string>> Checker::Check() {
  out_.threads = raw_.threads;
  out_.receive_buffer = raw_.receive_buffer;
  out_.gather_time = raw_.gather_time;
  if (raw_.gather_time > std::chrono::milliseconds(10)) {
    Complain("gather_time", "gather_time must be at most 0.01");
  }
  out_.max_connections = raw_.max_connections;
  out_.max_connections_per_source = raw_.max_connections_per_source;
  out_.idle_timeout = raw_.idle_timeout;
  if (raw_.idle_timeout <= Duration::zero()) {
    Complain("idle_timeout", "idle_timeout must be more than 0");
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
    Complain("log_level", level.error());
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
    Complain(key, std::string(key) + " must be one of " + expected);
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
    Complain("listen_tls",
             "listen_tls needs certificate and private_key, PEM files");
  } else if (out_.certificate.empty() != out_.private_key.empty()) {
    Complain(out_.certificate.empty() ? "private_key" : "certificate",
             "certificate and private_key belong together: give both");
  }
  std::set<Endpoint> seen;
  for (const bool is_tls : {false, true}) {
    for (const Endpoint& endpoint : is_tls ? out_.tls : out_.tcp) {
      if (endpoint.port != 0 && !seen.insert(endpoint).second) {
        Complain(is_tls ? "listen_tls" : "listen_tcp",
                 endpoint.ToString() + " is there twice for TCP and TLS");
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
    Complain("software", "software is longer than 128 bytes");
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
      Complain(!raw_.users_file.empty() ? "users_file"
               : !raw_.realm.empty()    ? "realm"
                                        : "alternate_server",
               "users_file, realm and alternate_server need credentials: "
               "\"short-term\" or \"long-term\"");
    }
    return;
  }
  constexpr size_t kMaxRealm = 127;
  const bool is_long_term = kind == CredentialKind::kLongTerm;
  if (is_long_term != !raw_.realm.empty() || raw_.realm.size() > kMaxRealm) {
    Complain(
        raw_.realm.empty() ? "credentials" : "realm",
        "realm must have 1 to 127 bytes with long-term credentials, and be "
        "absent with short-term ones");
    return;
  }
  if (raw_.users_file.empty()) {
    Complain("credentials", "credentials needs users_file");
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
  if (raw_.discovery || !raw_.discovery_addresses.empty()) {
    out_.discovery.emplace();
    out_.discovery->response_port.bucket_count = raw_.source_buckets;
  }
  std::vector<IpAddress> addresses =
      Addresses("discovery_addresses", raw_.discovery_addresses);
  const auto advertised =
      Addresses("discovery_advertised", raw_.discovery_advertised);
  const bool is_translated = !advertised.empty();
  if (is_translated &&
      !std::ranges::equal(addresses, advertised, {}, &IpAddress::family,
                          &IpAddress::family)) {
    Complain("discovery_advertised",
             "discovery_advertised must have one address for each of "
             "discovery_addresses, in the same order");
    return;
  }
  if (NamesPartner()) {
    if (!CheckPartner(addresses, is_translated ? advertised : addresses)) {
      return;
    }
    std::ranges::copy(out_.partner->addresses, std::back_inserter(addresses));
  }
  if (raw_.discovery_port == raw_.discovery_other_port) {
    Complain("discovery_other_port",
             "discovery_port and discovery_other_port are the same");
    return;
  }
  AddFour(AddressFamily::kIpv4, addresses, advertised);
  AddFour(AddressFamily::kIpv6, addresses, advertised);
}

bool Checker::NamesPartner() const {
  return !raw_.partner_addresses.empty() || !raw_.partner_listen.empty() ||
         !raw_.partner_link.empty() || !raw_.partner_secret_file.empty();
}

/// `own` are this machine's addresses, `seen` those that clients see. False,
/// with a complaint, if there is no partner in the end.
bool Checker::CheckPartner(const std::vector<IpAddress>& own,
                           const std::vector<IpAddress>& seen) {
  for (const auto& [key, is_absent] :
       {std::pair{"partner_addresses", raw_.partner_addresses.empty()},
        std::pair{"partner_listen", raw_.partner_listen.empty()},
        std::pair{"partner_link", raw_.partner_link.empty()},
        std::pair{"partner_secret_file", raw_.partner_secret_file.empty()},
        std::pair{"discovery_addresses", own.empty()}}) {
    if (is_absent) {
      Complain("partner_addresses", "two machines need " + std::string(key));
      return false;
    }
  }
  PartnerSettings partner;
  partner.addresses = Addresses("partner_addresses", raw_.partner_addresses);
  const auto link = OneEndpoint("partner_listen", raw_.partner_listen);
  const auto remote = OneEndpoint("partner_link", raw_.partner_link);
  if (!link || !remote || partner.addresses.empty()) {
    return false;
  }
  if (link->address.family() != remote->address.family()) {
    Complain("partner_link",
             "partner_listen and partner_link must both be IPv4 or both IPv6");
    return false;
  }
  partner.own_addresses = own;
  partner.link = *link;
  partner.remote_link = *remote;
  partner.secret_file = raw_.partner_secret_file;
  // Both machines come to opposite answers, whatever the order in the files.
  partner.side = std::ranges::min(seen) < std::ranges::min(partner.addresses)
                     ? stun::PartnerSide::kFirst
                     : stun::PartnerSide::kSecond;
  if (const auto secret = LoadPartnerSecret(partner.secret_file); !secret) {
    Complain("partner_secret_file", secret.error());
    return false;
  }
  out_.partner = std::move(partner);
  return true;
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
    Complain("discovery_addresses",
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
      Complain(key, std::string(key) + " '" + text + "' is not ADDRESS:PORT");
    }
    all.insert(all.end(), endpoints.begin(), endpoints.end());
  }
  return all;
}

std::optional<Endpoint> Checker::OneEndpoint(const char* key,
                                             const std::string& text) {
  const auto endpoint = Endpoint::Parse(text);
  if (!endpoint) {
    Complain(key, std::string(key) + " '" + text + "' is not ADDRESS:PORT");
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
      Complain(key, std::string(key) + " '" + text + "' is not an IP address");
    }
  }
  return all;
}

}  // namespace

std::expected<Settings, std::vector<std::string>> CheckSettings(
    const RawSettings& raw, const KeyPlaces& places) {
  return Checker(raw, places).Check();
}

}  // namespace natkit::stunsrv
