#include "scenario/link_settings.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>
#include <sstream>
#include <string_view>

#include "scenario/units.h"

namespace natkit::netsim {
namespace {

template <class T>
std::optional<T> ParseNumber(std::string_view text, T least, T most) {
  T value{};
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  // Written so that NaN is refused.
  if (error != std::errc() || rest != end ||
      !(value >= least && value <= most)) {
    return std::nullopt;
  }
  return value;
}

template <class T>
bool Assign(const std::optional<T>& value, T& to) {
  if (value) {
    to = *value;
  }
  return value.has_value();
}

bool SetShare(std::string_view value, double& share) {
  return Assign(ParseNumber(value, 0.0, 1.0), share);
}

bool Set(std::string_view key, std::string_view value, LinkConfig& link) {
  constexpr size_t kLargestQueue = size_t{1} << 30;
  if (key == "delay") {
    return Assign(ParseDuration(value), link.delay);
  }
  if (key == "jitter") {
    return Assign(ParseDuration(value), link.jitter);
  }
  if (key == "reorder_delay") {
    return Assign(ParseDuration(value), link.reorder_delay);
  }
  if (key == "loss") {
    return SetShare(value, link.loss);
  }
  if (key == "duplicate") {
    return SetShare(value, link.duplicate);
  }
  if (key == "reorder") {
    return SetShare(value, link.reorder);
  }
  if (key == "rate") {
    return Assign(value == "0" ? std::optional<uint64_t>(0) : ParseRate(value),
                  link.rate);
  }
  if (key == "queue_bytes") {
    return Assign(ParseNumber<size_t>(value, 1500, kLargestQueue),
                  link.queue_bytes);
  }
  return key == "mtu" &&
         Assign(ParseNumber<uint16_t>(value, 576, 65535), link.mtu);
}

constexpr std::string_view kKeys[] = {
    "delay",         "jitter", "loss",        "duplicate", "reorder",
    "reorder_delay", "rate",   "queue_bytes", "mtu"};

bool IsKey(std::string_view key) {
  return std::ranges::find(kKeys, key) != std::end(kKeys);
}

}  // namespace

std::span<const std::string_view> LinkKeys() {
  return kKeys;
}

std::expected<LinkConfig, std::string> ChangeLink(
    LinkConfig link, std::span<const std::string> words) {
  if (words.empty()) {
    return std::unexpected("nothing to set; say e.g. delay=20ms loss=0.05");
  }
  for (const std::string& word : words) {
    const size_t equals = word.find('=');
    const std::string_view key = std::string_view(word).substr(0, equals);
    if (equals != std::string::npos && IsKey(key)) {
      if (!Set(key, std::string_view(word).substr(equals + 1), link)) {
        return std::unexpected("'" + word +
                               "': no such value; as in [[link]] "
                               "tables, e.g. delay=20ms loss=0.05 rate=10Mbit");
      }
    } else {
      return std::unexpected("'" + word +
                             "' is not a setting of a link: delay, jitter, "
                             "loss, duplicate, reorder, reorder_delay, rate, "
                             "queue_bytes or mtu, as in [[link]] tables");
    }
  }
  return link;
}

std::string FormatLink(const LinkConfig& link) {
  const LinkConfig perfect;
  std::ostringstream out;
  const auto add = [&out](std::string_view key, const auto& value) {
    out << (out.view().empty() ? "" : " ") << key << '=' << value;
  };
  const auto add_time = [&](std::string_view key, Duration value,
                            Duration usual) {
    if (value != usual) {
      add(key, FormatDuration(value));
    }
  };
  const auto add_number = [&](std::string_view key, auto value, auto usual) {
    if (value != usual) {
      add(key, value);
    }
  };
  add_time("delay", link.delay, perfect.delay);
  add_time("jitter", link.jitter, perfect.jitter);
  add_number("loss", link.loss, perfect.loss);
  add_number("duplicate", link.duplicate, perfect.duplicate);
  add_number("reorder", link.reorder, perfect.reorder);
  add_time("reorder_delay", link.reorder_delay, perfect.reorder_delay);
  if (link.rate != 0) {
    add("rate", FormatRate(link.rate));
  }
  add_number("queue_bytes", link.queue_bytes, perfect.queue_bytes);
  add_number("mtu", link.mtu, perfect.mtu);
  return out.str();
}

}  // namespace natkit::netsim
