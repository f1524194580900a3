#pragma once

#include <openssl/bio.h>

#include <cstdint>
#include <vector>

#include "natkit/base/bytes.h"

namespace natkit::tls {

/// Bytes that wait in order; taking from the front is cheap.
class ByteQueue {
 public:
  void Append(ByteView bytes);
  /// Takes up to out.size() bytes.
  size_t Take(MutableBytes out);
  void Consume(size_t size);
  [[nodiscard]] std::vector<uint8_t> TakeAll();

  [[nodiscard]] ByteView View() const {
    return ByteView(bytes_).subspan(offset_);
  }

  [[nodiscard]] size_t size() const { return bytes_.size() - offset_; }

 private:
  void DropTaken();
  void ReleaseWhenEmpty();

  std::vector<uint8_t> bytes_;
  size_t offset_ = 0;
};

/// Ciphertext on its way in and out of one TLS state machine.
struct MemoryTransport {
  ByteQueue incoming;
  ByteQueue outgoing;
};

/// A BIO over `transport`, which must outlive it. A read of an empty queue asks
/// to be retried; a write always succeeds.
[[nodiscard]] bssl::UniquePtr<BIO> MakeMemoryBio(MemoryTransport* transport);

}  // namespace natkit::tls
