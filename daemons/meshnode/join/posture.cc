#include "join/posture.h"

#include <sys/utsname.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "natkit/base/log.h"
#include "natkit/shell/files.h"
#include "natkit/shell/logging.h"

namespace natkit::meshnode {

namespace {

using Json = nlohmann::json;

constexpr std::string_view kPrefix = "custom:";
constexpr size_t kMaxCustom = 32;
constexpr size_t kMaxName = 64;

std::optional<mesh::AttributeValue> ValueOf(const Json& value) {
  if (value.is_boolean()) {
    return value.get<bool>();
  }
  if (value.is_number()) {
    return value.get<double>();
  }
  if (value.is_string() &&
      value.get_ref<const std::string&>().size() <= mesh::kMaxAttributeText) {
    return value.get<std::string>();
  }
  return std::nullopt;
}

}  // namespace

mesh::Attributes SystemAttributes() {
  mesh::Attributes attributes{{"node:os", std::string("linux")},
                              {"node:version", std::string(NATKIT_VERSION)}};
  utsname system{};
  if (uname(&system) == 0) {
    const std::string release = system.release;  // "6.1.0-18-amd64"
    attributes["node:osVersion"] = release.substr(0, release.find('-'));
  }
  return attributes;
}

Outcome<mesh::Attributes> ParsePosture(std::string_view text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    return std::unexpected(
        std::string("expected a JSON object like "
                    "{\"custom:diskEncrypted\": true}"));
  }
  if (json.size() > kMaxCustom) {
    return std::unexpected("more than " + std::to_string(kMaxCustom) +
                           " attributes");
  }
  mesh::Attributes attributes;
  for (const auto& [name, value] : json.items()) {
    if (!name.starts_with(kPrefix) || name.size() == kPrefix.size() ||
        name.size() > kMaxName) {
      return std::unexpected("\"" + name +
                             "\" is no name like custom:diskEncrypted");
    }
    auto attribute = ValueOf(value);
    if (!attribute) {
      return std::unexpected("\"" + name +
                             "\" is no text, number, true or false");
    }
    attributes[name] = *std::move(attribute);
  }
  return attributes;
}

PostureReporter::PostureReporter(io::EventLoop& loop, std::string path,
                                 std::function<void()> on_change)
    : path_(std::move(path)) {
  Read();
  if (path_.empty()) {
    return;
  }
  auto watcher = io::FileWatcher::Start(
      loop, path_, [this, on_change = std::move(on_change)] {
        Read();
        on_change();
      });
  if (watcher) {
    watcher_ = std::move(*watcher);
  } else {
    shell::Log(LogLevel::kWarning,
               "changes of " + path_ + " will not be noticed: " +
                   std::string(ErrcName(watcher.error().code)));
  }
}

void PostureReporter::Read() {
  attributes_ = SystemAttributes();
  if (path_.empty()) {
    return;
  }
  const auto text = shell::ReadFile(path_);
  auto custom = text ? ParsePosture(*text)
                     : Outcome<mesh::Attributes>(std::unexpected(text.error()));
  if (!custom) {
    shell::Log(LogLevel::kWarning,
               path_ + ": " + custom.error() + "; nothing of it is reported");
    return;
  }
  attributes_.merge(*custom);
}

}  // namespace natkit::meshnode
