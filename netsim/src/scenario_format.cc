#include <toml++/toml.h>

#include <sstream>

#include "natkit/netsim/scenario.h"

namespace natkit::netsim {
namespace {

toml::table ToTable(const Network& network) {
  toml::table table;
  table.insert("name", network.name);
  table.insert("cidr", network.cidr.ToString());
  if (network.cidr6) {
    table.insert("cidr6", network.cidr6->ToString());
  }
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

void AddOptions(const NatOptions& options, toml::table& table) {
  if (options.udp_timeout) {
    table.insert("udp_timeout", *options.udp_timeout);
  }
  if (options.udp_stream_timeout) {
    table.insert("udp_stream_timeout", *options.udp_stream_timeout);
  }
  if (options.port_range) {
    table.insert("port_range", std::to_string(options.port_range->first) + "-" +
                                   std::to_string(options.port_range->last));
  }
  if (options.pooling == Pooling::kArbitrary) {
    table.insert("pooling", "arbitrary");
  }
}

toml::table ToTable(const Nat& nat) {
  toml::table table;
  table.insert("name", nat.name);
  table.insert("profile", Describe(nat.profile).name);
  table.insert("inside", nat.inside);
  table.insert("outside", nat.outside);
  table.insert("inside_address", nat.inside_address.ToString());
  toml::array pool;
  for (const IpAddress& address : nat.addresses) {
    pool.push_back(address.ToString());
  }
  table.insert("address", std::move(pool));
  AddOptions(nat.options, table);
  return table;
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
  std::ostringstream text;
  text << root << '\n';
  return text.str();
}

}  // namespace natkit::netsim
