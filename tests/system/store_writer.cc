// Drives a store for store_crash_test.py, which kills it.
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/mesh/registry/event_chain.h"
#include "natkit/mesh/registry/sqlite_store.h"

namespace natkit::mesh {
namespace {

constexpr uint64_t kKeptEvents = 400;

std::vector<uint8_t> AsValue(const std::string& text) {
  return {text.begin(), text.end()};
}

/// The change numbered `number`: "left" and "right" carry it, and so does the
/// event; one of fifty items is replaced, another one goes.
StoreBatch ChangeOf(uint64_t number) {
  const std::string text = std::to_string(number);
  StoreBatch batch;
  batch.puts = {{"half", "left", AsValue(text)},
                {"item", std::to_string(number % 50),
                 AsValue(text + std::string(number % 3000, '.'))},
                {"half", "right", AsValue(text)}};
  batch.deletes = {{"item", std::to_string((number + 25) % 50)}};
  batch.events = {{.unix_ms = static_cast<int64_t>(number),
                   .type = "change",
                   .subject = text}};
  return batch;
}

int Complain(std::string_view what) {
  std::fprintf(stderr, "%.*s\n", static_cast<int>(what.size()), what.data());
  return 1;
}

/// The number that "left" and "right" agree on; nothing if they do not.
std::optional<uint64_t> NumberOf(const std::vector<StoreRecord>& records) {
  std::map<std::string, std::string> halves;
  for (const auto& record : records) {
    if (record.kind == "half") {
      halves[record.key] = {record.value.begin(), record.value.end()};
    }
  }
  const std::string left = halves["left"];
  if (left != halves["right"]) {
    return std::nullopt;
  }
  uint64_t number = 0;
  std::from_chars(left.data(), left.data() + left.size(), number);
  return number;
}

/// Whether the items are those of the changes up to `number`.
bool HasItemsOf(const std::vector<StoreRecord>& records, uint64_t number) {
  std::map<std::string, std::vector<uint8_t>> expected;
  const uint64_t first = number > 100 ? number - 100 : 1;
  for (uint64_t i = first; i <= number; ++i) {
    const StoreBatch change = ChangeOf(i);
    expected.erase(change.deletes[0].second);
    expected[change.puts[1].key] = change.puts[1].value;
  }
  std::map<std::string, std::vector<uint8_t>> found;
  for (const auto& record : records) {
    if (record.kind == "item") {
      found[record.key] = record.value;
    }
  }
  return found == expected;
}

/// Prints the number of the last change if all of the store agrees with it.
int Check(Store& store) {
  const auto records = store.LoadAll();
  const auto events = store.ListEvents(0, SIZE_MAX);
  if (!records || !events) {
    return Complain(store.last_error());
  }
  const auto number = NumberOf(*records);
  if (!number) {
    return Complain("the two halves of a change differ");
  }
  EventChainCheck chain;
  if (!chain.Take(*events) || chain.head_sequence() != *number) {
    return Complain("the events do not lead to the last change");
  }
  if (!HasItemsOf(*records, *number)) {
    return Complain("the items are not those of the last change");
  }
  std::printf("%llu\n", static_cast<unsigned long long>(*number));
  return 0;
}

/// Writes changes, and prints the number of each that was acknowledged, until
/// it is killed or `end` is reached.
int Write(Store& store, uint64_t end) {
  uint64_t number = store.LastEventSequence().value_or(0);
  while (number < end) {
    if (!store.Commit(ChangeOf(number + 1))) {
      return Complain(store.last_error());
    }
    ++number;
    std::printf("%llu\n", static_cast<unsigned long long>(number));
    std::fflush(stdout);
    if (number % 100 == 0 && !store.TrimEvents(kKeptEvents)) {
      return Complain(store.last_error());
    }
  }
  return 0;
}

/// One command per line of the input: "write" makes one change; answers "ok"
/// or the error.
int Obey(Store& store) {
  char line[64];
  while (std::fgets(line, sizeof line, stdin) != nullptr) {
    const uint64_t number = store.LastEventSequence().value_or(0) + 1;
    const bool done = store.Commit(ChangeOf(number)).has_value();
    std::printf("%s\n", done ? "ok" : store.last_error().c_str());
    std::fflush(stdout);
  }
  return Check(store);
}

int Run(const std::string& verb, const std::string& path,
        const std::string& argument) {
  if (verb == "backup") {
    const auto copied = BackupSqlite(path, argument);
    return copied ? 0 : Complain(copied.error().text);
  }
  auto store = SqliteStore::Open(path);
  if (!store) {
    return Complain(store.error().text);
  }
  if (verb == "check") {
    return Check(**store);
  }
  if (verb == "obey") {
    return Obey(**store);
  }
  uint64_t end = UINT64_MAX;
  std::from_chars(argument.data(), argument.data() + argument.size(), end);
  return Write(**store, end);
}

}  // namespace
}  // namespace natkit::mesh

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr,
                 "usage: store_writer write|check|obey|backup PATH [ARG]\n");
    return 2;
  }
  return natkit::mesh::Run(argv[1], argv[2], argc > 3 ? argv[3] : "");
}
