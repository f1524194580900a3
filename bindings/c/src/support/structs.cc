#include "support/structs.h"

#include <cstdint>
#include <span>

namespace natkit::c::internal {

namespace {

/// A later version is hardly larger: such a size is no size, but what lay in
/// memory before.
constexpr size_t MostOf(size_t known) {
  return 4 * known + 256;
}

Result<size_t> SizeOf(const void* structure, size_t first_version,
                      size_t known) {
  if (structure == nullptr) {
    return Fail(Errc::kBadArgument);
  }
  size_t size = 0;
  std::memcpy(&size, structure, sizeof size);
  if (size < first_version || size > MostOf(known)) {
    return Fail(Errc::kStructSize);
  }
  return size;
}

}  // namespace

Result<void> CheckSize(const void* structure, size_t known,
                       size_t first_version) {
  const Result<size_t> size = SizeOf(structure, first_version, known);
  return size ? Result<void>() : std::unexpected(size.error());
}

Result<void> CopyIn(void* to, size_t known, const void* from,
                    size_t first_version) {
  const Result<size_t> size = SizeOf(from, first_version, known);
  if (!size) {
    return std::unexpected(size.error());
  }
  const std::span bytes(static_cast<const uint8_t*>(from), *size);
  const std::span unknown = bytes.subspan(std::min(known, *size));
  if (std::ranges::any_of(unknown, [](uint8_t byte) { return byte != 0; })) {
    return Fail(Errc::kUnsupported);
  }
  std::memcpy(to, from, std::min(known, *size));
  return {};
}

Result<void> CopyOut(void* to, const void* from, size_t known,
                     size_t first_version) {
  const Result<size_t> size = SizeOf(to, first_version, known);
  if (!size) {
    return std::unexpected(size.error());
  }
  // The caller's struct_size stays what it is.
  const std::span out(static_cast<uint8_t*>(to), *size);
  const std::span in(static_cast<const uint8_t*>(from), known);
  const size_t common = std::min(known, *size);
  std::ranges::copy(in.first(common).subspan(sizeof(size_t)),
                    out.subspan(sizeof(size_t)).begin());
  std::ranges::fill(out.subspan(common), uint8_t{0});
  return {};
}

}  // namespace natkit::c::internal
