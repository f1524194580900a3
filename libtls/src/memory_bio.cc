#include "memory_bio.h"

#include <algorithm>
#include <utility>

#include "natkit/base/check.h"

namespace natkit::tls {
namespace {

/// An empty queue keeps this much memory; thousands of idle connections must
/// not keep the size of their largest burst.
constexpr size_t kRetainedCapacity = size_t{1} * 1024;

MemoryTransport* TransportOf(BIO* bio) {
  return static_cast<MemoryTransport*>(BIO_get_data(bio));
}

int Read(BIO* bio, char* out, int size) {
  BIO_clear_retry_flags(bio);
  auto& incoming = TransportOf(bio)->incoming;
  if (incoming.size() == 0 || size <= 0) {
    BIO_set_retry_read(bio);
    return -1;
  }
  return static_cast<int>(incoming.Take(
      {reinterpret_cast<uint8_t*>(out), static_cast<size_t>(size)}));
}

int Write(BIO* bio, const char* bytes, int size) {
  BIO_clear_retry_flags(bio);
  TransportOf(bio)->outgoing.Append(
      AsBytes({bytes, static_cast<size_t>(std::max(size, 0))}));
  return size;
}

long Control(BIO* /*bio*/, int command, long /*number*/, void* /*pointer*/) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

const BIO_METHOD* Method() {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "natkit memory");
    NATKIT_CHECK(made != nullptr);
    BIO_meth_set_read(made, Read);
    BIO_meth_set_write(made, Write);
    BIO_meth_set_ctrl(made, Control);
    return made;
  }();
  return method;
}

}  // namespace

void ByteQueue::Append(ByteView bytes) {
  // A queue that is never quite empty must not keep what was taken. Moving no
  // more than was taken since the last time costs a constant per byte.
  if (offset_ >= size()) {
    DropTaken();
  }
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
}

size_t ByteQueue::Take(MutableBytes out) {
  const size_t count = std::min(out.size(), size());
  std::copy_n(View().begin(), count, out.begin());
  Consume(count);
  return count;
}

void ByteQueue::Consume(size_t count) {
  NATKIT_CHECK(count <= size());
  offset_ += count;
  ReleaseWhenEmpty();
}

void ByteQueue::DropTaken() {
  bytes_.erase(bytes_.begin(),
               bytes_.begin() + static_cast<std::ptrdiff_t>(offset_));
  offset_ = 0;
}

std::vector<uint8_t> ByteQueue::TakeAll() {
  DropTaken();
  return std::exchange(bytes_, {});
}

void ByteQueue::ReleaseWhenEmpty() {
  if (offset_ != bytes_.size()) {
    return;
  }
  offset_ = 0;
  bytes_.clear();
  if (bytes_.capacity() > kRetainedCapacity) {
    // shrink_to_fit() does nothing in code that is built without exceptions.
    std::vector<uint8_t>().swap(bytes_);
  }
}

bssl::UniquePtr<BIO> MakeMemoryBio(MemoryTransport* transport) {
  bssl::UniquePtr<BIO> bio(BIO_new(Method()));
  NATKIT_CHECK(bio != nullptr);
  BIO_set_data(bio.get(), transport);
  BIO_set_init(bio.get(), 1);
  return bio;
}

}  // namespace natkit::tls
