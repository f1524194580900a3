#include "natkit/mesh/registry/event_chain.h"

#include <sodium/crypto_hash_sha256.h>

#include <array>
#include <string_view>

namespace natkit::mesh {
namespace {

/// SHA-256 over fields that cannot run into one another.
class FieldHash {
 public:
  FieldHash() { crypto_hash_sha256_init(&state_); }

  void AddBytes(const uint8_t* bytes, size_t size) {
    crypto_hash_sha256_update(&state_, bytes, size);
  }

  void AddNumber(uint64_t number, size_t width) {
    std::array<uint8_t, 8> bytes{};
    for (size_t i = 0; i < width; ++i) {
      bytes[i] = static_cast<uint8_t>(number >> (8 * (width - 1 - i)));
    }
    AddBytes(bytes.data(), width);
  }

  void AddText(std::string_view text) {
    AddNumber(text.size(), 4);
    AddBytes(reinterpret_cast<const uint8_t*>(text.data()), text.size());
  }

  EventHash Finish() {
    EventHash hash;
    crypto_hash_sha256_final(&state_, hash.data());
    return hash;
  }

 private:
  crypto_hash_sha256_state state_;
};

}  // namespace

EventHash HashEvent(const EventHash& previous, const StoreEvent& event) {
  FieldHash hash;
  hash.AddBytes(previous.data(), previous.size());
  hash.AddNumber(event.sequence, 8);
  hash.AddNumber(static_cast<uint64_t>(event.unix_ms), 8);
  for (const auto* text :
       {&event.type, &event.actor, &event.subject, &event.detail}) {
    hash.AddText(*text);
  }
  return hash.Finish();
}

bool EventChainCheck::Continues(const StoreEvent& event) const {
  if (sequence_ == 0 && event.sequence > 1) {
    return true;  // the anchor: what it was hashed with is gone
  }
  return event.sequence == sequence_ + 1 &&
         event.hash == HashEvent(hash_, event);
}

Result<void> EventChainCheck::Take(std::span<const StoreEvent> events) {
  for (const auto& event : events) {
    if (bad_) {
      break;
    }
    if (!Continues(event)) {
      bad_ = event.sequence;
      break;
    }
    sequence_ = event.sequence;
    hash_ = event.hash;
  }
  if (bad_) {
    return Fail(Errc::kBadStore);
  }
  return {};
}

}  // namespace natkit::mesh
