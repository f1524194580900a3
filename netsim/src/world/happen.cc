// What happens to members while the world runs.

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "natkit/base/check.h"
#include "scenario/link_settings.h"
#include "scenario/units.h"
#include "world_impl.h"

namespace natkit::netsim {
namespace {

/// The words of "set-link", as `netsim event` takes them.
struct LinkChange {
  std::string network;  ///< empty: every cable of the member
  std::string direction = "both";
  std::vector<std::string> settings;
};

std::optional<LinkChange> ParseLinkChange(std::string_view argument) {
  constexpr std::string_view kNetwork = "network=";
  constexpr std::string_view kDirection = "direction=";
  LinkChange change;
  while (!argument.empty()) {
    const std::string word(argument.substr(0, argument.find(' ')));
    argument.remove_prefix(std::min(argument.size(), word.size() + 1));
    if (word.starts_with(kNetwork)) {
      change.network = word.substr(kNetwork.size());
    } else if (word.starts_with(kDirection)) {
      change.direction = word.substr(kDirection.size());
    } else if (!word.empty()) {
      change.settings.push_back(word);
    }
  }
  const std::string& direction = change.direction;
  const bool is_known =
      direction == "both" || direction == "up" || direction == "down";
  return is_known ? std::optional(std::move(change)) : std::nullopt;
}

/// False if a setting is none.
bool Apply(const LinkChange& change, WorldPort& port) {
  const auto up = ChangeLink(port.up.config(), change.settings);
  const auto down = ChangeLink(port.down.config(), change.settings);
  if (!up || !down) {
    return false;
  }
  if (change.direction != "down") {
    port.up.Configure(*up);
  }
  if (change.direction != "up") {
    port.down.Configure(*down);
  }
  port.has_cable = true;
  port.uses_down = true;
  return true;
}

}  // namespace

void World::Impl::At(Instant at, std::function<void()> call) {
  uint32_t slot = 0;
  if (free_calls_.empty()) {
    slot = static_cast<uint32_t>(calls_.size());
    calls_.emplace_back();
  } else {
    slot = free_calls_.back();
    free_calls_.pop_back();
  }
  calls_[slot] = std::move(call);
  queue_.Push(std::max(at, now_), EventType::kCall, slot, nullptr);
}

Result<void> World::Impl::ApplyEvent(std::string_view member,
                                     std::string_view event,
                                     std::string_view argument) {
  const auto box = std::ranges::find(boxes_, member, &WorldBox::name);
  if (box != boxes_.end()) {
    return ApplyToBox(static_cast<uint32_t>(box - boxes_.begin()), event,
                      argument);
  }
  const auto host = std::ranges::find(hosts_, member, &WorldHost::name);
  if (host == hosts_.end()) {
    return Fail(Errc::kNotFound);
  }
  return ApplyToPorts(host->ports, event, argument);
}

Result<void> World::Impl::ApplyToBox(uint32_t box, std::string_view event,
                                     std::string_view argument) {
  if (event == "reboot" && argument.empty()) {
    Reboot(box, std::nullopt);
    return {};
  }
  if (event == "reboot" || event == "readdress") {
    const auto address = IpAddress::Parse(argument);
    if (!address || address->is_v6()) {
      return Fail(Errc::kBadValue);
    }
    Reboot(box, *address);
    return {};
  }
  if (event == "block-udp" || event == "unblock-udp") {
    boxes_[box].engine.SetUdpBlocked(event == "block-udp");
    return {};
  }
  const WorldBox& item = boxes_[box];
  if (event == "blackhole" || event == "set-link") {
    return ApplyToPorts({item.inside, item.outside}, event, argument);
  }
  return ApplyToPorts({item.outside}, event, argument);
}

Result<void> World::Impl::ApplyToPorts(const std::vector<PortId>& ports,
                                       std::string_view event,
                                       std::string_view argument) {
  if (event == "link-down" || event == "link-up") {
    for (const PortId port : ports) {
      ports_[port].is_up = event == "link-up";
    }
    return {};
  }
  if (event == "set-link") {
    const auto change = ParseLinkChange(argument);
    bool is_found = false;
    for (const PortId port : ports) {
      const std::string& network = networks_[ports_[port].network].name;
      if (!change || (!change->network.empty() && change->network != network)) {
        continue;
      }
      if (!Apply(*change, ports_[port])) {
        return Fail(Errc::kBadValue);
      }
      is_found = true;
    }
    if (!is_found) {
      return Fail(change ? Errc::kNotFound : Errc::kBadValue);
    }
    return {};
  }
  if (event != "blackhole") {
    return Fail(Errc::kUnsupported);
  }
  const auto length = ParseDuration(argument);
  if (!length) {
    return Fail(Errc::kBadValue);
  }
  for (const PortId port : ports) {
    ports_[port].up.BlackholeUntil(now_ + *length);
    ports_[port].down.BlackholeUntil(now_ + *length);
    ports_[port].uses_down = true;
  }
  return {};
}

void World::Impl::Reboot(uint32_t box, std::optional<IpAddress> new_external) {
  WorldBox& item = boxes_[box];
  item.engine.Reboot(now_, new_external);
  ClaimBoxAddresses(item);
  DrainBox(item);
}

}  // namespace natkit::netsim
