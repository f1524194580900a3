#include <toml++/toml.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "natkit/netsim/plan.h"
#include "natkit/netsim/scenario.h"
#include "scenario/interface_mtu.h"
#include "scenario/link_settings.h"
#include "scenario/nat_knobs.h"
#include "scenario/scenario_check.h"
#include "scenario/toml_table.h"
#include "scenario/units.h"

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

/// The first host address of a range: where a gateway usually is.
IpAddress FirstHost(const IpPrefix& prefix) {
  std::array<uint8_t, 16> bytes{};
  const size_t size = prefix.address().bytes().size();
  std::ranges::copy(prefix.address().bytes(), bytes.begin());
  bytes[size - 1] |= 1;
  return IpAddress::FromBytes(ByteView(bytes).first(size))
      .value_or(IpAddress());
}

IpAddress NextAddress(const IpAddress& address) {
  std::array<uint8_t, 4> bytes{};
  std::ranges::copy(address.bytes().first(4), bytes.begin());
  ++bytes[3];
  return IpAddress::V4(bytes);
}

ItemLines LinesOf(const TomlTable& table) {
  return {.table = table.line(), .keys = table.KeyLines()};
}

/// Of the box at home of a composite: the parameters are the carrier's.
ItemLines LinesOfHome(const TomlTable& table) {
  ItemLines lines = LinesOf(table);
  std::erase_if(lines.keys, [](const auto& item) {
    return item.first != "name" && item.first != "inside" &&
           item.first != "inside_address";
  });
  return lines;
}

/// What a step does, for those without a name.
std::string DescribeStep(const Step& step,
                         const std::vector<std::string>& words) {
  if (!step.event.empty()) {
    return step.event + (step.argument.empty() ? "" : " " + step.argument);
  }
  std::string text;
  for (const std::string& word : words) {
    text += (text.empty() ? "" : " ") + word;
  }
  return text;
}

class Parser {
 public:
  std::expected<Scenario, Problems> Parse(std::string_view text);

 private:
  void ReadRoot(const toml::table& root);
  void ReadNetwork(TomlTable& table);
  void ReadHost(TomlTable& table);
  void ReadNat(TomlTable& table);
  void ReadForward(TomlTable& table);
  void ReadLink(TomlTable& table);
  void ReadStep(TomlTable& table);
  void RefuseUselessKeys(TomlTable& table, const Step& step);
  [[nodiscard]] LinkConfig ReadLinkConfig(TomlTable& table);
  void FillIpv6(TomlTable& table, Nat& nat);
  void FillMtus();
  void ReadBackend(TomlTable& table, Nat& nat);
  [[nodiscard]] std::vector<IpAddress> ReadPool(TomlTable& table);
  [[nodiscard]] IpAddress GatewayOf(std::string_view network) const;
  void AddNat(Nat nat, ItemLines lines);
  void AddComposite(TomlTable& table, const ProfileInfo& profile, Nat nat);
  template <class Read>
  void ReadArray(const toml::table& root, std::string_view key, Read read);

  [[nodiscard]] std::string OnlyNetworkOf(std::string_view member) const;

  Scenario scenario_;
  ScenarioLines lines_;
  Problems problems_;
  /// Member, network and direction of each [[link]] so far.
  std::set<std::tuple<std::string, std::string, std::string>> described_;
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
  ReadArray(root, "forward", [this](TomlTable& item) { ReadForward(item); });
  ReadArray(root, "link", [this](TomlTable& item) { ReadLink(item); });
  ReadArray(root, "step", [this](TomlTable& item) { ReadStep(item); });
  FillMtus();
  for (const auto& [key, node] : root) {
    constexpr std::array<std::string_view, 8> kKnown = {
        "name", "description", "network", "host",
        "nat",  "forward",     "link",    "step"};
    if (std::ranges::find(kKnown, key.str()) == kKnown.end()) {
      table.Report(key.str(),
                   "unknown key '" + std::string(key.str()) +
                       "' (known: name, description, [[network]], [[host]], "
                       "[[nat]], [[forward]], [[link]], [[step]])");
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
  if (!table.Has("cidr")) {
    table.Report("cidr", "'cidr' is needed, such as \"203.0.113.0/24\"");
  }
  network.cidr = cidr.value_or(IpPrefix());
  network.cidr6 = table.OptionalPrefix("cidr6");
  network.link = ReadLinkConfig(table);
  lines_.networks.push_back(LinesOf(table));
  scenario_.networks.push_back(std::move(network));
}

void Parser::ReadHost(TomlTable& table) {
  Host host;
  host.name = table.RequiredString("name");
  host.network = table.RequiredString("network");
  host.address = table.RequiredAddress("address");
  host.address6 = table.OptionalAddress("address6", AddressFamily::kIpv6);
  lines_.hosts.push_back(LinesOf(table));
  scenario_.hosts.push_back(std::move(host));
}

LinkConfig Parser::ReadLinkConfig(TomlTable& table) {
  LinkConfig link;
  link.delay = table.OptionalDuration("delay").value_or(link.delay);
  link.jitter = table.OptionalDuration("jitter").value_or(link.jitter);
  link.loss = table.OptionalNumber("loss", 0, 1).value_or(link.loss);
  link.duplicate =
      table.OptionalNumber("duplicate", 0, 1).value_or(link.duplicate);
  link.reorder = table.OptionalNumber("reorder", 0, 1).value_or(link.reorder);
  link.reorder_delay =
      table.OptionalDuration("reorder_delay").value_or(link.reorder_delay);
  if (const auto text = table.OptionalString("rate")) {
    const auto rate = ParseRate(*text);
    if (!rate || *rate == 0) {
      table.Report("rate",
                   "'rate' must be bits per second with a unit, such "
                   "as \"10Mbit\"");
    }
    link.rate = rate.value_or(0);
  }
  constexpr int64_t kLargestQueue = int64_t{1} << 30;
  link.queue_bytes = static_cast<size_t>(
      table.OptionalInteger("queue_bytes", 1500, kLargestQueue)
          .value_or(static_cast<int64_t>(link.queue_bytes)));
  link.mtu = static_cast<uint16_t>(
      table.OptionalInteger("mtu", 576, 65535).value_or(link.mtu));
  return link;
}

/// The network may be left out where the member has but one.
std::string Parser::OnlyNetworkOf(std::string_view member) const {
  const Host* host = scenario_.FindHost(member);
  return host == nullptr ? std::string() : host->network;
}

/// One table for both directions, or one for each; a direction that no table
/// names is a perfect wire.
void Parser::ReadLink(TomlTable& table) {
  const std::string member = table.RequiredString("member");
  const std::string network =
      table.OptionalString("network").value_or(OnlyNetworkOf(member));
  const std::string direction =
      table.OptionalString("direction").value_or("both");
  const LinkConfig link = ReadLinkConfig(table);
  if (std::ranges::none_of(
          LinkKeys(), [&](std::string_view key) { return table.Has(key); })) {
    table.Report("member",
                 "sets nothing: say e.g. delay = \"20ms\", or delay = 0 for a "
                 "link that events are to change");
  }
  if (direction != "both" && direction != "up" && direction != "down") {
    table.Report("direction",
                 "'direction' is \"both\", \"up\" (from the member) or "
                 "\"down\"");
    return;
  }
  const bool is_down_again =
      direction != "up" && !described_.emplace(member, network, "down").second;
  const bool is_up_again =
      direction != "down" && !described_.emplace(member, network, "up").second;
  if (is_down_again || is_up_again) {
    table.Report("member", "a second [[link]] for '" + member + "' on '" +
                               network + "', same direction");
  }
  const auto same = [&](const Cable& cable) {
    return cable.member == member && cable.network == network;
  };
  auto cable = std::ranges::find_if(scenario_.cables, same);
  if (cable == scenario_.cables.end()) {
    lines_.cables.push_back(LinesOf(table));
    cable = scenario_.cables.insert(scenario_.cables.end(),
                                    {member, network, {}, {}});
  }
  if (direction != "down") {
    cable->up = link;
  }
  if (direction != "up") {
    cable->down = link;
  }
}

void Parser::ReadStep(TomlTable& table) {
  Step step;
  step.line = table.line();
  lines_.steps.push_back(LinesOf(table));
  step.member = table.RequiredString("on");
  step.event = table.OptionalString("event").value_or("");
  step.argument = table.OptionalString("argument").value_or("");
  const std::vector<std::string> words = table.Strings("run");
  step.command = words;
  // One string is for the shell; a list is a program and its arguments.
  if (step.command.size() == 1) {
    step.command = {"sh", "-c", step.command.front()};
  }
  step.name = table.OptionalString("name").value_or(step.member + ": " +
                                                    DescribeStep(step, words));
  step.expected_exit = static_cast<int>(
      table.OptionalInteger("exit", 0, 255).value_or(step.expected_exit));
  step.expected_output = table.OptionalString("output").value_or("");
  step.is_background = table.OptionalBool("background").value_or(false);
  step.may_exit = table.OptionalBool("may_exit").value_or(false);
  step.within = table.OptionalDuration("within").value_or(step.within);
  step.timeout = table.OptionalDuration("timeout").value_or(step.timeout);
  RefuseUselessKeys(table, step);
  scenario_.steps.push_back(std::move(step));
}

/// Keys that would say nothing are mistakes.
void Parser::RefuseUselessKeys(TomlTable& table, const Step& step) {
  if (table.Has("run") == table.Has("event")) {
    table.Report("run", "needs either 'run' or 'event'");
    return;
  }
  const bool is_blank =
      step.command.size() == 3 &&
      step.command.back().find_first_not_of(" \t\n") == std::string::npos;
  if (is_blank) {
    table.Report("run", "'run' is empty");
  }
  const auto refuse = [&table](bool is_useless, std::string_view key,
                               std::string_view why) {
    if (is_useless && table.Has(key)) {
      table.Report(key, "'" + std::string(key) + "' " + std::string(why));
    }
  };
  const bool is_event = table.Has("event");
  refuse(!is_event, "argument", "belongs to 'event'");
  for (const std::string_view key :
       {"exit", "output", "background", "may_exit", "within", "timeout"}) {
    refuse(is_event, key, "belongs to 'run'");
  }
  refuse(step.is_background, "exit",
         "does not go with 'background': it may not fail, or end in any way "
         "with may_exit = true");
  refuse(!is_event && !step.is_background, "may_exit",
         "belongs to 'background'");
  refuse(step.is_background, "within", "does not go with 'background'");
  refuse(step.timeout == Duration::zero(), "timeout", "must not be 0");
}

void Parser::ReadForward(TomlTable& table) {
  const std::string name = table.RequiredString("nat");
  const std::string protocol = table.RequiredString("protocol");
  const std::string to = table.RequiredString("to");
  StaticForward forward;
  forward.external_port = static_cast<uint16_t>(
      table.OptionalInteger("port", 1, 65535).value_or(0));
  if (protocol == "tcp" || protocol == "udp") {
    forward.protocol = protocol == "tcp" ? 6 : 17;
  } else if (!protocol.empty()) {
    table.Report("protocol", "'protocol' is \"udp\" or \"tcp\"");
  }
  const auto inside = Endpoint::Parse(to);
  if (inside && inside->port == 0) {
    table.Report("to", "'to' needs a port from 1 to 65535");
  } else if (inside) {
    forward.inside = *inside;
  } else if (!to.empty()) {
    table.Report("to", "'to' is ADDRESS:PORT of an inside host");
  }
  if (!table.Has("port")) {
    table.Report("port", "'port' is needed: the external port");
  }
  const auto nat = std::ranges::find(scenario_.nats, name, &Nat::name);
  if (nat != scenario_.nats.end()) {
    nat->config.forwards.push_back(forward);
    lines_.forwards[static_cast<size_t>(nat - scenario_.nats.begin())]
        .push_back(LinesOf(table));
  } else if (!name.empty()) {
    table.Report("nat", "no box '" + name + "' above this line");
  }
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
  if (!table.Has("address")) {
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
  const std::string name = table.RequiredString("profile");
  const ProfileInfo* profile = FindProfile(name);
  if (profile == nullptr) {
    if (!name.empty()) {
      table.Report("profile", "unknown profile '" + name +
                                  "' (`netsim profiles` lists them)");
    }
    profile = FindProfile("open");  // to find the other keys' problems
  }
  if (!profile->carrier.empty()) {
    AddComposite(table, *profile, std::move(nat));
    return;
  }
  nat.profile = profile->name;
  nat.config = profile->make();
  ReadNatKnobs(table, nat.config);
  FillIpv6(table, nat);
  ReadBackend(table, nat);
  AddNat(std::move(nat), LinesOf(table));
}

/// What the networks say about IPv6. A profile's IPv6 is for boxes with an
/// IPv6 address on both sides; where the file asks for it, they must be there.
void Parser::FillIpv6(TomlTable& table, Nat& nat) {
  const Network* inside = scenario_.FindNetwork(nat.inside);
  if (inside == nullptr) {
    return;
  }
  NatConfig& config = nat.config;
  const bool is_v6_only = inside->cidr.address().is_v6();
  const std::optional<IpPrefix> range =
      is_v6_only ? std::optional(inside->cidr) : inside->cidr6;
  config.inside_prefix6 = range;
  if (range && !config.inside_address6) {
    config.inside_address6 = FirstHost(*range);
  }
  if (config.translation == Translation::kNat64) {
    if (!range) {
      table.Report("inside", "profile '" + nat.profile +
                                 "' needs IPv6 on its inside network");
    }
    return;
  }
  const bool is_ready = range && config.outside_address6;
  if (!is_ready && table.Has("ipv6") && config.ipv6 != Ipv6Mode::kDrop) {
    table.Report("ipv6",
                 "'ipv6' needs a cidr6 of the inside network and "
                 "'outside_address6'");
  }
  if (!is_ready) {
    config.ipv6 = Ipv6Mode::kDrop;
    config.inside_prefix6.reset();
    config.inside_address6.reset();
  }
}

/// A box's interfaces carry what its cables carry, unless the file says
/// otherwise.
void Parser::FillMtus() {
  for (size_t i = 0; i < scenario_.nats.size(); ++i) {
    Nat& nat = scenario_.nats[i];
    const auto& keys = lines_.nats[i].keys;
    if (!keys.contains("inside_mtu")) {
      nat.config.inside_mtu = InterfaceMtu(scenario_, nat.name, nat.inside);
    }
    if (!keys.contains("outside_mtu")) {
      nat.config.outside_mtu = InterfaceMtu(scenario_, nat.name, nat.outside);
    }
  }
}

/// The kernel plays what it can play exactly, unless the file says otherwise.
void Parser::ReadBackend(TomlTable& table, Nat& nat) {
  const auto text = table.OptionalString("backend");
  nat.config.external = nat.addresses;
  const std::optional<std::string> obstacle = KernelObstacle(nat);
  nat.backend = obstacle || !KernelDifferences(nat).empty() ? Backend::kEngine
                                                            : Backend::kKernel;
  if (!text) {
    return;
  }
  if (*text == "engine") {
    nat.backend = Backend::kEngine;
  } else if (*text != "kernel") {
    table.Report("backend", "'backend' is \"kernel\" or \"engine\"");
  } else if (obstacle) {
    table.Report("backend", "the kernel cannot be this box: " + *obstacle);
  } else {
    nat.backend = Backend::kKernel;
  }
}

void Parser::AddNat(Nat nat, ItemLines lines) {
  nat.config.external = nat.addresses;
  if (nat.inside_address.is_v4()) {
    nat.config.inside_address = nat.inside_address;
  }
  lines_.nats.push_back(std::move(lines));
  lines_.forwards.emplace_back();
  scenario_.nats.push_back(std::move(nat));
}

/// A composite is two boxes: `NAME` at home, and `NAME-carrier` with the
/// external addresses and the other keys, joined by the network
/// `NAME-access`.
void Parser::AddComposite(TomlTable& table, const ProfileInfo& profile,
                          Nat carrier) {
  Network access;
  access.name = carrier.name + "-access";
  const IpPrefix usual =
      IpPrefix::Make(IpAddress::V4(100, 64, 0, 0), 24).value_or(IpPrefix());
  access.cidr = table.OptionalPrefix("carrier_cidr").value_or(usual);
  const std::string name = table.OptionalString("carrier_profile")
                               .value_or(std::string(profile.carrier));
  const ProfileInfo* beyond = FindProfile(name);
  if (beyond == nullptr || !beyond->carrier.empty() ||
      beyond->make().translation == Translation::kNone ||
      beyond->make().translation == Translation::kNat64) {
    table.Report("carrier_profile", "no translating profile '" + name + "'");
    beyond = FindProfile("symmetric");
  }
  if (access.cidr.address().is_v6() || access.cidr.length() > 29) {
    table.Report("carrier_cidr", "'carrier_cidr' must be IPv4, at most /29");
    access.cidr = usual;
  }
  Nat home;
  home.name = carrier.name;
  home.profile = "port-restricted";
  home.config = profile.make();
  home.inside = std::exchange(carrier.inside, access.name);
  home.outside = access.name;
  home.inside_address =
      std::exchange(carrier.inside_address, FirstHost(access.cidr));
  home.addresses = {NextAddress(FirstHost(access.cidr))};
  carrier.name += "-carrier";
  carrier.profile = beyond->name;
  carrier.config = beyond->make();
  ReadNatKnobs(table, carrier.config);
  ReadBackend(table, carrier);
  if (!table.Has("backend")) {
    carrier.backend = Backend::kEngine;  // port-restricted is not the kernel's
  }
  home.backend = carrier.backend;
  lines_.networks.push_back({.table = table.line(),
                             .keys = {{"cidr", table.LineOf("carrier_cidr")}}});
  scenario_.networks.push_back(std::move(access));
  AddNat(std::move(home), LinesOfHome(table));
  AddNat(std::move(carrier), LinesOf(table));
}

}  // namespace

std::expected<Scenario, std::vector<Problem>> ParseScenario(
    std::string_view text) {
  return Parser().Parse(text);
}

}  // namespace natkit::netsim
