#include "natkit/shell/config_reader.h"

#include <toml++/toml.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <set>
#include <utility>

namespace natkit::shell {

struct ConfigReader::Table {
  toml::table values;
  std::set<std::string, std::less<>> asked;

  /// The value at `key`, marked as asked for; null when absent.
  toml::node* Find(std::string_view key) {
    asked.emplace(key);
    return Get(key);
  }

  [[nodiscard]] toml::node* Get(std::string_view key) {
    return values.at_path(key).node();
  }
};

namespace {

unsigned LineOf(const toml::node* node) {
  return node == nullptr ? 0U
                         : static_cast<unsigned>(node->source().begin.line);
}

std::string Quote(std::string_view key) {
  return "'" + std::string(key) + "'";
}

using KeyVisitor = std::function<void(unsigned line, const std::string& path)>;

/// Visits the keys below `table`, with dots and numbers as ConfigReader takes
/// them; an empty table as "name.". A key that has a dot of its own is visited
/// in quotes: none is asked for by such a name.
void VisitKeys(const toml::table& table, const std::string& prefix,
               const KeyVisitor& visit) {
  for (const auto& [key, node] : table) {
    const bool is_plain = key.str().find_first_of(".[]") == key.str().npos;
    const std::string path =
        prefix + (is_plain ? std::string(key.str())
                           : "\"" + std::string(key.str()) + "\"");
    const toml::array* array = node.as_array();
    const toml::table* inner = node.as_table();
    if (inner != nullptr && !inner->empty()) {
      VisitKeys(*inner, path + ".", visit);
    } else if (array != nullptr && array->is_array_of_tables()) {
      for (size_t i = 0; i < array->size(); ++i) {
        VisitKeys(*array->get_as<toml::table>(i),
                  path + "[" + std::to_string(i) + "].", visit);
      }
    } else {
      visit(static_cast<unsigned>(key.source().begin.line),
            inner == nullptr ? path : path + ".");
    }
  }
}

}  // namespace

ConfigReader::ConfigReader(std::string file_name, std::string_view text)
    : file_name_(std::move(file_name)), table_(std::make_unique<Table>()) {
  try {
    table_->values = toml::parse(text, file_name_);
  } catch (const toml::parse_error& error) {
    errors_.push_back(Place(static_cast<unsigned>(error.source().begin.line)) +
                      ": " + std::string(error.description()));
  }
}

ConfigReader::~ConfigReader() = default;

std::string ConfigReader::Place(unsigned line) const {
  return line == 0 ? file_name_ : file_name_ + ":" + std::to_string(line);
}

std::string ConfigReader::Place(std::string_view key) const {
  return Place(LineOf(table_->Get(key)));
}

bool ConfigReader::Has(std::string_view key) const {
  return table_->Get(key) != nullptr;
}

size_t ConfigReader::Tables(std::string_view key) {
  const toml::node* node = table_->Get(key);
  if (node == nullptr) {
    return 0;
  }
  const toml::array* array = node->as_array();
  if (array == nullptr || !array->is_array_of_tables()) {
    table_->asked.emplace(key);
    Complain(key,
             Quote(key) + " must be written as [[" + std::string(key) + "]]");
    return 0;
  }
  return array->size();
}

void ConfigReader::Complain(std::string_view key, const std::string& text) {
  errors_.push_back(Place(key) + ": " + text);
}

void ConfigReader::String(std::string_view key, std::string& out) {
  toml::node* node = table_->Find(key);
  if (node == nullptr) {
    return;
  }
  if (const auto value = node->value_exact<std::string>()) {
    out = *value;
  } else {
    Complain(key, Quote(key) + " must be a string in quotes");
  }
}

void ConfigReader::Strings(std::string_view key,
                           std::vector<std::string>& out) {
  toml::node* node = table_->Find(key);
  if (node == nullptr) {
    return;
  }
  std::vector<std::string> values;
  if (const auto single = node->value_exact<std::string>()) {
    values.push_back(*single);
  } else if (const toml::array* array = node->as_array()) {
    for (const auto& item : *array) {
      values.push_back(item.value_exact<std::string>().value_or(""));
    }
  }
  if (values.empty() || std::ranges::find(values, "") != values.end()) {
    Complain(key, Quote(key) + " must be a string or a list of strings");
    return;
  }
  out = std::move(values);
}

void ConfigReader::Flag(std::string_view key, bool& out) {
  toml::node* node = table_->Find(key);
  if (node == nullptr) {
    return;
  }
  if (const auto value = node->value_exact<bool>()) {
    out = *value;
  } else {
    Complain(key, Quote(key) + " must be true or false");
  }
}

void ConfigReader::Count(std::string_view key, size_t least, size_t most,
                         size_t& out) {
  toml::node* node = table_->Find(key);
  if (node == nullptr) {
    return;
  }
  const auto value = node->value_exact<int64_t>();
  if (!value || std::cmp_less(*value, least) ||
      std::cmp_greater(*value, most)) {
    Complain(key, Quote(key) + " must be a whole number from " +
                      std::to_string(least) + " to " + std::to_string(most));
    return;
  }
  out = static_cast<size_t>(*value);
}

void ConfigReader::Seconds(std::string_view key, Duration& out) {
  toml::node* node = table_->Find(key);
  if (node == nullptr) {
    return;
  }
  constexpr double kMost = 1e6;
  const auto value = node->is_number() ? node->value<double>() : std::nullopt;
  if (!value || !(*value >= 0) || *value > kMost) {
    Complain(key, Quote(key) + " must be a number of seconds");
    return;
  }
  out = std::chrono::duration_cast<Duration>(
      std::chrono::duration<double>(*value));
}

void ConfigReader::Finish() {
  VisitKeys(table_->values, "", [this](unsigned line, const auto& path) {
    const auto next = table_->asked.lower_bound(path);
    const bool is_known =
        next != table_->asked.end() &&
        (path.ends_with('.') ? next->starts_with(path) : *next == path);
    if (!is_known) {
      errors_.push_back(Place(line) + ": unknown key " +
                        Quote(path.substr(0, path.find_last_not_of('.') + 1)));
    }
  });
}

std::vector<Endpoint> ParseListenAddress(std::string_view text) {
  if (!text.starts_with(':')) {
    const auto endpoint = Endpoint::Parse(text);
    return endpoint ? std::vector<Endpoint>{*endpoint}
                    : std::vector<Endpoint>{};
  }
  uint16_t port = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data() + 1, end, port);
  if (parsed.ec != std::errc() || parsed.ptr != end) {
    return {};
  }
  return {Endpoint{IpAddress::V4(0, 0, 0, 0), port},
          Endpoint{IpAddress::V6({}), port}};
}

}  // namespace natkit::shell
