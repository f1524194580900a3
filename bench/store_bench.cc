// Commits per second into the coordination server's store, with 1, 10 and 100
// records a batch and one event each, and how long a start takes.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "natkit/mesh/registry/memory_store.h"
#include "natkit/mesh/registry/sqlite_store.h"

namespace {

using natkit::mesh::MemoryStore;
using natkit::mesh::SqliteStore;
using natkit::mesh::Store;
using natkit::mesh::StoreBatch;

constexpr size_t kNodes = 10000;
constexpr size_t kRecordSize = 600;  // about a node with a few addresses

/// Below the current directory: /tmp is often no disk.
struct Folder {
  std::filesystem::path path;

  Folder() {
    std::string name = "store-bench-XXXXXX";
    path = std::filesystem::absolute(::mkdtemp(name.data()));
  }

  ~Folder() { std::filesystem::remove_all(path); }

  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
};

StoreBatch BatchOf(size_t first, size_t count) {
  StoreBatch batch;
  for (size_t i = 0; i < count; ++i) {
    batch.puts.push_back({"node", std::to_string((first + i) % kNodes),
                          std::vector<uint8_t>(kRecordSize, 7)});
  }
  batch.events.push_back({.unix_ms = 1700000000000,
                          .type = "node_changed",
                          .actor = "alice@example.com",
                          .subject = "a node",
                          .detail = R"({"endpoints": 3})"});
  return batch;
}

void CommitBatches(benchmark::State& state, Store& store) {
  const auto count = static_cast<size_t>(state.range(0));
  size_t first = 0;
  for (auto _ : state) {
    if (!store.Commit(BatchOf(first, count))) {
      state.SkipWithError(store.last_error().c_str());
      return;
    }
    first += count;
  }
  state.counters["commits"] = benchmark::Counter(
      static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void BM_CommitSqlite(benchmark::State& state) {
  const Folder folder;
  const auto store = SqliteStore::Open(folder.path / "store.db").value();
  CommitBatches(state, *store);
}

void BM_CommitMemory(benchmark::State& state) {
  MemoryStore store;
  CommitBatches(state, store);
}

/// Opens a store of 10,000 nodes, with its check, and loads everything.
void BM_Start(benchmark::State& state) {
  const Folder folder;
  const std::string path = folder.path / "store.db";
  (void)SqliteStore::Open(path).value()->Commit(BatchOf(0, kNodes));
  for (auto _ : state) {
    const auto store = SqliteStore::Open(path).value();
    if (store->LoadAll().value().size() != kNodes) {
      state.SkipWithError("records are missing");
      return;
    }
  }
}

void BM_Backup(benchmark::State& state) {
  const Folder folder;
  const auto store = SqliteStore::Open(folder.path / "store.db").value();
  (void)store->Commit(BatchOf(0, kNodes));
  for (auto _ : state) {
    if (!store->Backup(folder.path / "backup.db")) {
      state.SkipWithError(store->last_error().c_str());
      return;
    }
  }
}

BENCHMARK(BM_CommitSqlite)->Arg(1)->Arg(10)->Arg(100)->UseRealTime();
BENCHMARK(BM_CommitMemory)->Arg(1)->Arg(10)->Arg(100);
BENCHMARK(BM_Start)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(BM_Backup)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
