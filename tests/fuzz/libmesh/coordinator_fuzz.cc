// Streams of strangers beside two nodes in good standing. Each operation is a
// byte that says what and on which of four streams, and for bytes a length and
// the bytes. Whatever comes: what the registry holds can be loaded again, and
// the two nodes are served.

#include <array>
#include <cstdint>

#include "coord_world.h"
#include "natkit/base/check.h"

namespace {

using namespace natkit;        // NOLINT(google-build-using-namespace)
using namespace natkit::mesh;  // NOLINT(google-build-using-namespace)
using std::chrono::seconds;

constexpr ConnectionId kFirstStranger = 1'000'000;
constexpr size_t kMaxAnswer = size_t{1} << 20;

class Strangers {
 public:
  Strangers() : world_(5) {
    world_.SetPolicy({{.id = 1, .from = "*", .to = "*", .port = 80}});
    const std::string key = world_.MakeKey({"tag:x"});
    world_.Add("a", key);
    world_.Add("b", key);
    world_.Run(seconds(1));
  }

  ByteView Do(ByteView input) {
    const uint8_t what = input[0];
    const ConnectionId id = kFirstStranger + (what & 3U);
    input = input.subspan(1);
    switch ((what >> 2) & 3U) {
      case 0:
        if (!is_open_[what & 3U]) {
          is_open_[what & 3U] = true;
          world_.server->HandleOpen(world_.Time(), id, {},
                                    IpAddress::V4(192, 0, 2, what & 3U));
        }
        break;
      case 1: {
        const size_t length =
            input.empty() ? 0 : std::min<size_t>(input[0], input.size() - 1);
        if (!input.empty()) {
          world_.server->HandleBytes(world_.Time(), id,
                                     input.subspan(1, length));
          input = input.subspan(1 + length);
        }
        break;
      }
      case 2:
        is_open_[what & 3U] = false;
        world_.server->HandleClosed(world_.Time(), id);
        break;
      case 3:
        world_.Run(seconds(1 + (what >> 4)));
        break;
    }
    Drain();
    return input;
  }

  void Finish() {
    world_.Run(seconds(1));
    world_.Boot();  // loads what was stored
    world_.Run(seconds(120));
    for (const char* name : {"a", "b"}) {
      const auto& client = *world_.hosts.at(name).client;
      NATKIT_CHECK(client.is_admitted());
      NATKIT_CHECK(client.map()->map() == world_.Expected(world_.IdOf(name)));
    }
  }

 private:
  void Drain() {
    world_.Run(seconds(0));
    std::array<uint8_t, 4096> out{};
    for (size_t i = 0; i < is_open_.size(); ++i) {
      size_t total = 0;
      while (const size_t size = world_.server->PollBytes(
                 world_.Time(), kFirstStranger + i, out)) {
        total += size;
        NATKIT_CHECK(total < kMaxAnswer);
      }
    }
  }

  CoordWorld world_;
  std::array<bool, 4> is_open_{};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kMostOperations = 200;
  Strangers strangers;
  ByteView input(data, size);
  for (size_t i = 0; i < kMostOperations && !input.empty(); ++i) {
    input = strangers.Do(input);
  }
  strangers.Finish();
  return 0;
}
