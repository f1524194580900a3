#include "natkit/mesh/registry/store.h"

#include <string_view>

namespace natkit::mesh {
namespace {

Result<void> CheckText(std::string_view text, size_t max_size) {
  if (text.size() > max_size) {
    return Fail(Errc::kLimitExceeded);
  }
  if (text.find('\0') != std::string_view::npos) {
    return Fail(Errc::kBadValue);
  }
  return {};
}

Result<void> CheckName(std::string_view kind, std::string_view key) {
  if (kind.empty() || key.empty()) {
    return Fail(Errc::kBadValue);
  }
  if (const auto checked = CheckText(kind, StoreLimits::kMaxKind); !checked) {
    return checked;
  }
  return CheckText(key, StoreLimits::kMaxKey);
}

Result<void> CheckEvent(const StoreEvent& event) {
  for (const auto* text :
       {&event.type, &event.actor, &event.subject, &event.detail}) {
    const auto checked = CheckText(*text, StoreLimits::kMaxEventText);
    if (!checked) {
      return checked;
    }
  }
  return {};
}

}  // namespace

Result<void> CheckBatch(const StoreBatch& batch) {
  Result<void> checked;
  for (const auto& put : batch.puts) {
    checked = CheckName(put.kind, put.key);
    if (checked && put.value.size() > StoreLimits::kMaxValue) {
      checked = Fail(Errc::kLimitExceeded);
    }
    if (!checked) {
      return checked;
    }
  }
  for (const auto& [kind, key] : batch.deletes) {
    if (checked = CheckName(kind, key); !checked) {
      return checked;
    }
  }
  for (const auto& event : batch.events) {
    if (checked = CheckEvent(event); !checked) {
      return checked;
    }
  }
  return checked;
}

}  // namespace natkit::mesh
