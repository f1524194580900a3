#include <toml++/toml.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include "natkit/netsim/scenario.h"
#include "scenario_check.h"
#include "toml_table.h"

namespace natkit::netsim {
namespace {

using Problems = std::vector<Problem>;

/// Problems of one line stay in the order they were found.
Problems SortedByLine(Problems problems) {
  std::multimap<uint32_t, Problem> by_line;
  for (Problem& problem : problems) {
    by_line.emplace(problem.line, std::move(problem));
  }
  problems.clear();
  for (auto& [line, problem] : by_line) {
    problems.push_back(std::move(problem));
  }
  return problems;
}

std::optional<PortRange> ParsePortRange(std::string_view text) {
  PortRange range;
  const char* const end = text.data() + text.size();
  const auto [dash, first_error] =
      std::from_chars(text.data(), end, range.first);
  if (first_error != std::errc() || dash == end || *dash != '-') {
    return std::nullopt;
  }
  const auto [stop, last_error] = std::from_chars(dash + 1, end, range.last);
  if (last_error != std::errc() || stop != end || range.first == 0 ||
      range.first > range.last) {
    return std::nullopt;
  }
  return range;
}

/// The first host address of a range: where a gateway usually is.
IpAddress FirstHost(const IpPrefix& prefix) {
  std::array<uint8_t, 4> bytes{};
  if (prefix.address().is_v4()) {
    std::ranges::copy(prefix.address().bytes(), bytes.begin());
    bytes[3] |= 1;
  }
  return IpAddress::V4(bytes);
}

class Parser {
 public:
  std::expected<Scenario, Problems> Parse(std::string_view text);

 private:
  void ReadRoot(const toml::table& root);
  void ReadNetwork(TomlTable& table);
  void ReadHost(TomlTable& table);
  void ReadNat(TomlTable& table);
  [[nodiscard]] NatOptions ReadOptions(TomlTable& table);
  [[nodiscard]] std::vector<IpAddress> ReadPool(TomlTable& table);
  [[nodiscard]] IpAddress GatewayOf(std::string_view network) const;
  void AddNat(Nat nat, uint32_t line);
  void AddCgn(TomlTable& table, Nat nat);
  template <class Read>
  void ReadArray(const toml::table& root, std::string_view key, Read read);

  Scenario scenario_;
  ScenarioLines lines_;
  Problems problems_;
};

std::expected<Scenario, Problems> Parser::Parse(std::string_view text) {
  try {
    ReadRoot(toml::parse(text));
  } catch (const toml::parse_error& error) {
    return std::unexpected(Problems{
        {error.source().begin.line, std::string(error.description())}});
  }
  if (problems_.empty()) {
    problems_ = CheckScenario(scenario_, lines_);
  }
  if (problems_.empty()) {
    return std::move(scenario_);
  }
  return std::unexpected(SortedByLine(std::move(problems_)));
}

void Parser::ReadRoot(const toml::table& root) {
  TomlTable table(root, "scenario", problems_);
  scenario_.name = table.OptionalString("name").value_or("unnamed");
  scenario_.description = table.OptionalString("description").value_or("");
  ReadArray(root, "network", [this](TomlTable& item) { ReadNetwork(item); });
  ReadArray(root, "host", [this](TomlTable& item) { ReadHost(item); });
  ReadArray(root, "nat", [this](TomlTable& item) { ReadNat(item); });
  for (const auto& [key, node] : root) {
    constexpr std::array<std::string_view, 5> kKnown = {
        "name", "description", "network", "host", "nat"};
    if (std::ranges::find(kKnown, key.str()) == kKnown.end()) {
      table.Report(key.str(), "unknown key '" + std::string(key.str()) +
                                  "' (known: name, description, [[network]], "
                                  "[[host]], [[nat]])");
    }
  }
}

template <class Read>
void Parser::ReadArray(const toml::table& root, std::string_view key,
                       Read read) {
  const toml::node* node = root.get(key);
  if (node == nullptr) {
    return;
  }
  const std::string title = "[[" + std::string(key) + "]]";
  const auto* array = node->as_array();
  if (array == nullptr) {
    problems_.push_back({node->source().begin.line,
                         "'" + std::string(key) + "' is written " + title});
    return;
  }
  for (const toml::node& item : *array) {
    if (const auto* table = item.as_table()) {
      TomlTable reader(*table, title, problems_);
      read(reader);
      reader.RejectUnknownKeys();
    } else {
      problems_.push_back(
          {item.source().begin.line, title + " must be a table"});
    }
  }
}

void Parser::ReadNetwork(TomlTable& table) {
  Network network;
  network.name = table.RequiredString("name");
  const auto cidr = table.OptionalPrefix("cidr");
  if (!cidr) {
    table.Report("cidr", "'cidr' is needed, such as \"203.0.113.0/24\"");
  }
  network.cidr = cidr.value_or(IpPrefix());
  network.cidr6 = table.OptionalPrefix("cidr6");
  lines_.networks.push_back(table.line());
  scenario_.networks.push_back(std::move(network));
}

void Parser::ReadHost(TomlTable& table) {
  Host host;
  host.name = table.RequiredString("name");
  host.network = table.RequiredString("network");
  host.address = table.RequiredAddress("address");
  host.address6 = table.OptionalAddress("address6", AddressFamily::kIpv6);
  lines_.hosts.push_back(table.line());
  scenario_.hosts.push_back(std::move(host));
}

NatOptions Parser::ReadOptions(TomlTable& table) {
  NatOptions options;
  options.udp_timeout = table.OptionalSeconds("udp_timeout");
  options.udp_stream_timeout = table.OptionalSeconds("udp_stream_timeout");
  if (const auto text = table.OptionalString("port_range")) {
    options.port_range = ParsePortRange(*text);
    if (!options.port_range) {
      table.Report("port_range", "'port_range' is not FIRST-LAST");
    }
  }
  const std::string pooling =
      table.OptionalString("pooling").value_or("paired");
  if (pooling == "arbitrary") {
    options.pooling = Pooling::kArbitrary;
  } else if (pooling != "paired") {
    table.Report("pooling", "'pooling' is \"paired\" or \"arbitrary\"");
  }
  return options;
}

std::vector<IpAddress> Parser::ReadPool(TomlTable& table) {
  std::vector<IpAddress> pool;
  for (const std::string& text : table.Strings("address")) {
    const auto address = IpAddress::Parse(text);
    if (address && address->is_v4()) {
      pool.push_back(*address);
    } else {
      table.Report("address", "'address' is not IPv4: '" + text + "'");
    }
  }
  if (pool.empty()) {
    table.Report("address", "'address' is missing: the external address");
  }
  return pool;
}

IpAddress Parser::GatewayOf(std::string_view network_name) const {
  const Network* network = scenario_.FindNetwork(network_name);
  return network == nullptr ? IpAddress() : FirstHost(network->cidr);
}

void Parser::ReadNat(TomlTable& table) {
  Nat nat;
  nat.name = table.RequiredString("name");
  nat.inside = table.RequiredString("inside");
  nat.outside = table.RequiredString("outside");
  nat.addresses = ReadPool(table);
  nat.inside_address =
      table.OptionalAddress("inside_address", AddressFamily::kIpv4)
          .value_or(GatewayOf(nat.inside));
  nat.options = ReadOptions(table);
  const std::string profile = table.RequiredString("profile");
  if (profile == kCgnProfileName) {
    AddCgn(table, std::move(nat));
    return;
  }
  if (const auto found = FindProfile(profile)) {
    nat.profile = *found;
    AddNat(std::move(nat), table.line());
  } else if (!profile.empty()) {
    table.Report("profile", "unknown profile '" + profile +
                                "' (`netsim profiles` lists them)");
  }
}

void Parser::AddNat(Nat nat, uint32_t line) {
  lines_.nats.push_back(line);
  scenario_.nats.push_back(std::move(nat));
}

/// A "cgn" box is two: `NAME` at home, and `NAME-carrier` with the external
/// addresses and options, joined by the network `NAME-access`.
void Parser::AddCgn(TomlTable& table, Nat carrier) {
  Network access;
  access.name = carrier.name + "-access";
  const IpPrefix usual =
      IpPrefix::Make(IpAddress::V4(100, 64, 0, 0), 24).value_or(IpPrefix());
  access.cidr = table.OptionalPrefix("carrier_cidr").value_or(usual);
  const std::string name =
      table.OptionalString("carrier_profile").value_or("symmetric");
  const auto profile = FindProfile(name);
  if (!profile || !Translates(*profile)) {
    table.Report("carrier_profile", "no translating profile '" + name + "'");
    return;
  }
  if (access.cidr.address().is_v6() || access.cidr.length() > 29) {
    table.Report("carrier_cidr", "'carrier_cidr' must be IPv4, at most /29");
    return;
  }
  Nat home;
  home.name = carrier.name;
  home.profile = NatProfile::kPortRestricted;
  home.inside = std::exchange(carrier.inside, access.name);
  home.outside = access.name;
  home.inside_address =
      std::exchange(carrier.inside_address, FirstHost(access.cidr));
  IpAddress second = FirstHost(access.cidr);
  std::array<uint8_t, 4> bytes{};
  std::ranges::copy(second.bytes(), bytes.begin());
  ++bytes[3];
  home.addresses = {IpAddress::V4(bytes)};
  carrier.name += "-carrier";
  carrier.profile = *profile;
  lines_.networks.push_back(table.line());
  scenario_.networks.push_back(std::move(access));
  AddNat(std::move(home), table.line());
  AddNat(std::move(carrier), table.line());
}

}  // namespace

std::expected<Scenario, std::vector<Problem>> ParseScenario(
    std::string_view text) {
  return Parser().Parse(text);
}

}  // namespace natkit::netsim
