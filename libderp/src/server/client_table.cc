#include "server/client_table.h"

#include <sodium.h>

#include <algorithm>

#include "natkit/base/check.h"

namespace natkit::derp {
namespace {

void MakeDuplicate(ClientEntry& entry, Connection& added,
                   ServerCounters& counters) {
  if (!entry.connections.front()->is_duplicate) {
    entry.connections.front()->is_duplicate = true;
    entry.send_history = {entry.connections.front()};
    ++counters.current_dup_client_keys;
    ++counters.current_dup_client_conns;
  } else {
    entry.send_history.push_back(&added);
  }
  added.is_duplicate = true;
  ++counters.current_dup_client_conns;
  ++counters.total_dup_client_conns;
}

void MakeSingle(ClientEntry& entry, ServerCounters& counters) {
  Connection& survivor = *entry.connections.front();
  survivor.is_duplicate = false;
  survivor.is_disabled = false;
  entry.active = &survivor;
  entry.last = &survivor;
  entry.send_history.clear();
  --counters.current_dup_client_keys;
  --counters.current_dup_client_conns;
}

Connection* ChooseActive(const ClientEntry& entry) {
  if (entry.last != nullptr && !entry.last->is_disabled) {
    return entry.last;
  }
  for (auto it = entry.send_history.rbegin(); it != entry.send_history.rend();
       ++it) {
    if (!(*it)->is_disabled) {
      return *it;
    }
  }
  return nullptr;
}

}  // namespace

size_t KeyHash::operator()(const PublicKey& key) const {
  static_assert(crypto_shorthash_KEYBYTES == sizeof(seed_));
  std::array<uint8_t, crypto_shorthash_BYTES> digest{};
  crypto_shorthash(digest.data(), key.bytes.data(), key.bytes.size(),
                   seed_.data());
  return std::bit_cast<uint64_t>(digest);
}

void ClientTable::Register(Connection& connection, ServerCounters& counters) {
  ClientEntry& entry = entries_[connection.key];
  if (entry.connections.empty()) {
    ++counters.clients_local;
  } else {
    MakeDuplicate(entry, connection, counters);
  }
  entry.connections.push_back(&connection);
  entry.last = &connection;
  entry.active = &connection;
}

bool ClientTable::Unregister(Connection& connection, ServerCounters& counters) {
  const auto found = entries_.find(connection.key);
  NATKIT_CHECK(found != entries_.end());
  ClientEntry& entry = found->second;
  std::erase(entry.connections, &connection);
  if (entry.connections.empty()) {
    entries_.erase(found);
    --counters.clients_local;
    return true;
  }
  std::erase(entry.send_history, &connection);
  if (entry.last == &connection) {
    entry.last = nullptr;
  }
  --counters.current_dup_client_conns;
  if (entry.connections.size() == 1) {
    MakeSingle(entry, counters);
  } else if (entry.active == &connection) {
    entry.active = ChooseActive(entry);
  }
  return false;
}

void ClientTable::NoteActivity(Connection& connection) {
  if (!connection.is_duplicate || connection.is_disabled) {
    return;
  }
  ClientEntry& entry = entries_.find(connection.key)->second;
  if (policy_ == DuplicatePolicy::kLastWriterActive || entry.last == nullptr) {
    entry.last = &connection;
    entry.active = &connection;
  }
  auto& history = entry.send_history;
  if (!history.empty() && history.back() == &connection) {
    return;
  }
  const bool spoke_before = std::erase(history, &connection) > 0;
  history.push_back(&connection);
  if (spoke_before && policy_ == DuplicatePolicy::kDisableFighters) {
    DisableAll(entry);
  }
}

void ClientTable::DisableAll(ClientEntry& entry) {
  entry.active = nullptr;
  for (Connection* const connection : entry.connections) {
    connection->is_disabled = true;
  }
}

const ClientEntry* ClientTable::Find(const PublicKey& key) const {
  const auto found = entries_.find(key);
  return found == entries_.end() ? nullptr : &found->second;
}

}  // namespace natkit::derp
