#include <toml++/toml.h>

#include <sstream>

#include "natkit/netsim/scenario.h"
#include "scenario/nat_knobs.h"
#include "scenario/units.h"

namespace natkit::netsim {
namespace {

void AddLink(const LinkConfig& link, toml::table& table) {
  const LinkConfig usual;
  const auto add_time = [&table](std::string_view key, Duration value,
                                 Duration usual_value) {
    if (value != usual_value) {
      table.insert(key, FormatDuration(value));
    }
  };
  const auto add_share = [&table](std::string_view key, double value) {
    if (value != 0) {
      table.insert(key, value);
    }
  };
  add_time("delay", link.delay, usual.delay);
  add_time("jitter", link.jitter, usual.jitter);
  add_share("loss", link.loss);
  add_share("duplicate", link.duplicate);
  add_share("reorder", link.reorder);
  add_time("reorder_delay", link.reorder_delay, usual.reorder_delay);
  if (link.rate != 0) {
    table.insert("rate", FormatRate(link.rate));
  }
  if (link.queue_bytes != usual.queue_bytes) {
    table.insert("queue_bytes", static_cast<int64_t>(link.queue_bytes));
  }
  if (link.mtu != usual.mtu) {
    table.insert("mtu", int64_t{link.mtu});
  }
}

toml::table ToTable(const Network& network) {
  toml::table table;
  table.insert("name", network.name);
  table.insert("cidr", network.cidr.ToString());
  if (network.cidr6) {
    table.insert("cidr6", network.cidr6->ToString());
  }
  AddLink(network.link, table);
  return table;
}

toml::table ToTable(const Host& host) {
  toml::table table;
  table.insert("name", host.name);
  table.insert("network", host.network);
  table.insert("address", host.address.ToString());
  if (host.address6) {
    table.insert("address6", host.address6->ToString());
  }
  return table;
}

toml::table ToTable(const Nat& nat) {
  toml::table table;
  table.insert("name", nat.name);
  table.insert("profile", nat.profile);
  table.insert("inside", nat.inside);
  table.insert("outside", nat.outside);
  if (nat.inside_address.is_v4()) {
    table.insert("inside_address", nat.inside_address.ToString());
  }
  toml::array pool;
  for (const IpAddress& address : nat.addresses) {
    pool.push_back(address.ToString());
  }
  table.insert("address", std::move(pool));
  table.insert("backend",
               nat.backend == Backend::kKernel ? "kernel" : "engine");
  NatConfig usual;
  if (const ProfileInfo* profile = FindProfile(nat.profile)) {
    usual = profile->make();
  }
  WriteNatKnobs(nat.config, usual, table);
  return table;
}

/// A cable as one or two [[link]] tables: one if both directions are alike.
void AddCable(const Cable& cable, toml::array& array) {
  const auto add = [&](const LinkConfig& link, std::string_view direction) {
    toml::table table;
    table.insert("member", cable.member);
    table.insert("network", cable.network);
    table.insert("direction", direction);
    AddLink(link, table);
    if (link == LinkConfig{}) {
      table.insert("delay", int64_t{0});  // a table that sets nothing is none
    }
    array.push_back(std::move(table));
  };
  if (cable.up == cable.down) {
    add(cable.up, "both");
  } else {
    add(cable.up, "up");
    add(cable.down, "down");
  }
}

/// Only keys that say something: others are mistakes to the reader.
toml::table ToTable(const Step& step) {
  toml::table table;
  table.insert("name", step.name);
  table.insert("on", step.member);
  if (!step.event.empty()) {
    table.insert("event", step.event);
    table.insert("argument", step.argument);
    return table;
  }
  toml::array command;
  for (const std::string& word : step.command) {
    command.push_back(word);
  }
  table.insert("run", std::move(command));
  table.insert("output", step.expected_output);
  table.insert("timeout", FormatDuration(step.timeout));
  if (step.is_background) {
    table.insert("background", true);
    if (step.may_exit) {
      table.insert("may_exit", true);
    }
  } else {
    table.insert("exit", int64_t{step.expected_exit});
    table.insert("within", FormatDuration(step.within));
  }
  return table;
}

void AddForwards(const Nat& nat, toml::array& array) {
  for (const StaticForward& forward : nat.config.forwards) {
    toml::table table;
    table.insert("nat", nat.name);
    table.insert("protocol", forward.protocol == 6 ? "tcp" : "udp");
    table.insert("port", int64_t{forward.external_port});
    table.insert("to", forward.inside.ToString());
    array.push_back(std::move(table));
  }
}

template <class Item>
void AddArray(std::string_view key, const std::vector<Item>& items,
              toml::table& root) {
  toml::array array;
  for (const Item& item : items) {
    array.push_back(ToTable(item));
  }
  if (!array.empty()) {
    root.insert(key, std::move(array));
  }
}

}  // namespace

std::string FormatScenario(const Scenario& scenario) {
  toml::table root;
  root.insert("name", scenario.name);
  root.insert("description", scenario.description);
  AddArray("network", scenario.networks, root);
  AddArray("host", scenario.hosts, root);
  AddArray("nat", scenario.nats, root);
  toml::array forwards;
  for (const Nat& nat : scenario.nats) {
    AddForwards(nat, forwards);
  }
  if (!forwards.empty()) {
    root.insert("forward", std::move(forwards));
  }
  toml::array links;
  for (const Cable& cable : scenario.cables) {
    AddCable(cable, links);
  }
  if (!links.empty()) {
    root.insert("link", std::move(links));
  }
  AddArray("step", scenario.steps, root);
  std::ostringstream text;
  // Basic strings alone: the library writes some texts with quotes and line
  // ends in the other forms so that they do not read back.
  constexpr auto kFlags = toml::toml_formatter::default_flags &
                          ~(toml::format_flags::allow_literal_strings |
                            toml::format_flags::allow_multi_line_strings);
  text << toml::toml_formatter(root, kFlags) << '\n';
  return text.str();
}

}  // namespace natkit::netsim
