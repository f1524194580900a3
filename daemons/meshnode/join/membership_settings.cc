#include <utility>

#include "join/membership.h"
#include "join/node_settings.h"

// What a running node that joined may be told to do otherwise.

namespace natkit::meshnode {

Outcome<void> Membership::LoadSettings() {
  given_ = options_;
  const auto text = directory_.LoadSettings();
  if (!text) {
    return std::unexpected(text.error());
  }
  if (!text->has_value()) {
    return {};
  }
  auto settings = NodeSettings::Parse(**text);
  if (!settings) {
    // Without them a node would pass by its exit node.
    return std::unexpected(directory_.settings_file() +
                           " is damaged: " + settings.error() +
                           "; mend it, or remove it to do without what "
                           "`meshnode set` has changed");
  }
  settings_ = *std::move(settings);
  settings_.ApplyTo(options_);
  return {};
}

Outcome<void> Membership::Set(
    const std::map<std::string, std::string>& values) {
  NodeSettings settings = settings_;
  for (const auto& [key, value] : values) {
    if (auto set = settings.Set(key, value); !set) {
      return set;
    }
  }
  JoinOptions next = given_;
  settings.ApplyTo(next);
  if (auto checked = CheckTogether(next); !checked) {
    return checked;
  }
  if (auto saved = directory_.SaveSettings(settings.Format()); !saved) {
    return saved;
  }
  settings_ = std::move(settings);
  RoutingOptions routing = std::move(next.routing);
  next.routing = options_.routing;
  options_ = std::move(next);
  SetRouting(std::move(routing));
  return {};
}

std::map<std::string, std::string> Membership::settings() const {
  return SettingsOf(options_);
}

void Membership::Forget() {
  state_.phase = MembershipState::Phase::kRemoved;  // nothing more is saved
  directory_.Forget();
}

}  // namespace natkit::meshnode
