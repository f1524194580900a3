// What happens to members while the world runs.

#include <charconv>
#include <chrono>
#include <utility>

#include "natkit/base/check.h"
#include "world_impl.h"

namespace natkit::netsim {
namespace {

/// "500ms" or "2s".
std::optional<Duration> ParseDuration(std::string_view text) {
  int64_t count = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc{} || count < 0 || count > 1'000'000'000) {
    return std::nullopt;
  }
  const std::string_view unit =
      text.substr(static_cast<size_t>(end - text.data()));
  if (unit == "ms") {
    return std::chrono::milliseconds(count);
  }
  return unit == "s" ? std::optional<Duration>(std::chrono::seconds(count))
                     : std::nullopt;
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
  if (event == "blackhole") {
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
