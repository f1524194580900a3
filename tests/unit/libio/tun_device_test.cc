#include "natkit/io/tun_device.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "natkit/io/interfaces.h"
#include "natkit/io/link_control.h"
#include "natkit/io/udp_socket.h"
#include "net_namespace.h"

namespace natkit::io {
namespace {

using namespace std::chrono_literals;

constexpr Duration kLimit = 20s;

IpAddress Ip(std::string_view text) {
  return IpAddress::Parse(text).value();
}

/// Runs the body in a namespace, or skips the test and says why.
#define RUN_IN_NAMESPACE(...)                                                  \
  if (const auto refusal = RunInNetNamespace(__VA_ARGS__); !refusal.empty()) { \
    GTEST_SKIP() << "no network namespaces: " << refusal;                      \
  }

/// An interface that is up, and what has been read from it.
struct Tun {
  TunDevice device;
  LinkControl link;
  std::vector<std::vector<uint8_t>> packets;
  bool is_gone = false;

  Tun(EventLoop& loop, const std::string& name)
      : device(TunDevice::Open(loop, name).value()),
        link(LinkControl::Find(name).value()) {
    EXPECT_TRUE(link.SetMtu(1400).has_value());
    EXPECT_TRUE(link.SetUp().has_value());
    device.Start(
        [this](PacketBatch& batch) {
          for (size_t i = 0; i < batch.size(); ++i) {
            const ByteView bytes = batch.bytes(i);
            if (IsUdp(bytes)) {  // the host also sends router solicitations
              packets.emplace_back(bytes.begin(), bytes.end());
            }
          }
        },
        [this] { is_gone = true; });
  }

  static bool IsUdp(ByteView packet) {
    const bool is_v4 = packet[0] >> 4 == 4;
    return packet.size() > 40 - (is_v4 ? 20 : 0) && packet[is_v4 ? 9 : 6] == 17;
  }
};

/// Swaps source and destination, addresses and ports: checksums stay right.
std::vector<uint8_t> Reflect(std::vector<uint8_t> packet) {
  const bool is_v4 = packet[0] >> 4 == 4;
  const auto swap = [&](size_t at, size_t size) {
    const auto first = packet.begin() + static_cast<std::ptrdiff_t>(at);
    const auto middle = first + static_cast<std::ptrdiff_t>(size);
    std::swap_ranges(first, middle, middle);
  };
  swap(is_v4 ? 12 : 8, is_v4 ? 4 : 16);
  swap(is_v4 ? 20 : 40, 2);
  return packet;
}

void ExpectEcho(EventLoop& loop, Tun& tun, const IpAddress& ours,
                const IpAddress& theirs) {
  auto socket = UdpSocket::Bind(loop, {ours, 0}).value();
  std::string answer;
  Endpoint answered_by;
  socket.SetReceiveHandler([&](PacketBatch& batch) {
    answer = AsText(batch.bytes(0));
    answered_by = batch.meta(0).remote;
  });
  SCOPED_TRACE(theirs.ToString());
  // The kernel puts an IPv6 address into its local routes a moment after it
  // has acknowledged it; what arrives before is lost, as packets may be.
  const Instant deadline = EventLoop::Now() + kLimit;
  while (answer.empty() && EventLoop::Now() < deadline) {
    tun.packets.clear();
    socket.SendTo({theirs, 7}, AsBytes("echo"));
    ASSERT_TRUE(loop.RunUntil([&] { return !tun.packets.empty(); }, kLimit));
    PacketBatch reply;
    reply.AppendCopy(Reflect(tun.packets[0]), {});
    tun.device.Write(reply);
    loop.RunUntil([&] { return !answer.empty(); }, 100ms);
  }
  EXPECT_EQ(answer, "echo");
  EXPECT_EQ(answered_by, (Endpoint{theirs, 7}));
}

TEST(TunDevice, CarriesPacketsBothWays) {
  RUN_IN_NAMESPACE([] {
    EventLoop loop;
    Tun tun(loop, "nk0");
    ASSERT_TRUE(tun.link.AddAddress(Ip("10.9.0.1"), 24).has_value());
    ASSERT_TRUE(tun.link.AddAddress(Ip("fd00:9::1"), 64).has_value());
    ExpectEcho(loop, tun, Ip("10.9.0.1"), Ip("10.9.0.2"));
    ExpectEcho(loop, tun, Ip("fd00:9::1"), Ip("fd00:9::2"));
    EXPECT_GE(tun.device.counters().written, 2U);
    EXPECT_EQ(tun.device.counters().write_errors, 0U);
  });
}

TEST(TunDevice, ReadsBatchesInOrder) {
  RUN_IN_NAMESPACE([] {
    EventLoop loop;
    Tun tun(loop, "nk0");
    ASSERT_TRUE(tun.link.AddAddress(Ip("10.9.0.1"), 24).has_value());
    auto socket = UdpSocket::Bind(loop, {Ip("10.9.0.1"), 0}).value();
    PacketBatch batch;
    for (uint8_t i = 0; i < 200; ++i) {
      batch.AppendCopy(std::vector{i}, {.remote = {Ip("10.9.0.2"), 7}});
    }
    socket.Send(batch);
    ASSERT_TRUE(
        loop.RunUntil([&] { return tun.packets.size() == 200; }, kLimit));
    for (uint8_t i = 0; i < 200; ++i) {
      EXPECT_EQ(tun.packets[i].back(), i);
    }
  });
}

TEST(TunDevice, WriteCountsWhatIsNoPacketOrFindsTheInterfaceDown) {
  RUN_IN_NAMESPACE([] {
    EventLoop loop;
    Tun tun(loop, "nk0");
    PacketBatch batch;
    batch.AppendCopy(std::vector<uint8_t>{0xFF, 0, 0}, {});
    tun.device.Write(batch);
    EXPECT_EQ(tun.device.counters().write_errors, 1U);
    ASSERT_TRUE(tun.link.SetDown().has_value());
    batch.Clear();
    std::vector<uint8_t> packet(20);
    packet[0] = 0x45;
    batch.AppendCopy(packet, {});
    tun.device.Write(batch);
    EXPECT_EQ(tun.device.counters().write_errors, 2U);
  });
}

TEST(IsInterfaceName, IsTheKernelsRuleWithoutPatterns) {
  for (const char* good : {"a", "natkit0", "fifteen-letters", "a.b", "..."}) {
    EXPECT_TRUE(IsInterfaceName(good)) << good;
  }
  for (const char* bad : {"", ".", "..", "a/b", "a:b", "a b", "a\tb", "a\x7f",
                          "wg%d", "sixteen-letters!"}) {
    EXPECT_FALSE(IsInterfaceName(bad)) << bad;
  }
}

TEST(TunDevice, OpenSaysWhyItFails) {
  RUN_IN_NAMESPACE([] {
    EventLoop loop;
    const auto first = TunDevice::Open(loop, "nk0");
    ASSERT_TRUE(first.has_value());
    EXPECT_EQ(TunDevice::Open(loop, "nk0").error().code, Errc::kAlreadyExists);
    EXPECT_EQ(TunDevice::Open(loop, "lo").error().code, Errc::kAlreadyExists);
    for (const char* bad : {"", "a/b", "a b", "nk%d", "sixteen-letters!"}) {
      EXPECT_EQ(TunDevice::Open(loop, bad).error().code, Errc::kBadValue);
    }
  });
}

TEST(TunDevice, TellsWhenSomebodyDeletesTheInterface) {
  RUN_IN_NAMESPACE([] {
    EventLoop loop;
    Tun tun(loop, "nk0");
    ASSERT_EQ(std::system("ip link delete nk0"), 0);
    EXPECT_TRUE(loop.RunUntil([&] { return tun.is_gone; }, kLimit));
  });
}

TEST(TunDevice, InterfaceGoesWithTheObject) {
  RUN_IN_NAMESPACE([] {
    EventLoop loop;
    {
      const Tun tun(loop, "nk0");
    }
    EXPECT_EQ(LinkControl::Find("nk0").error().code, Errc::kNoDevice);
    EXPECT_TRUE(TunDevice::Open(loop, "nk0").has_value());
  });
}

TEST(LinkControl, RoutesIntoTheInterface) {
  RUN_IN_NAMESPACE([] {
    EventLoop loop;
    Tun tun(loop, "nk0");
    const auto add = [&](const char* prefix) {
      return tun.link.AddRoute(IpPrefix::Parse(prefix).value()).has_value();
    };
    ASSERT_TRUE(tun.link.AddAddress(Ip("10.9.0.1"), 32).has_value());
    ASSERT_TRUE(tun.link.AddAddress(Ip("fd00:9::1"), 128).has_value());
    EXPECT_TRUE(add("192.0.2.0/24"));
    EXPECT_TRUE(add("192.0.2.0/24"));  // again: nothing to do
    EXPECT_TRUE(add("2001:db8::/32"));
    ExpectEcho(loop, tun, Ip("10.9.0.1"), Ip("192.0.2.9"));
    ExpectEcho(loop, tun, Ip("fd00:9::1"), Ip("2001:db8::9"));
    const auto prefix = IpPrefix::Parse("192.0.2.0/24").value();
    EXPECT_TRUE(tun.link.RemoveRoute(prefix).has_value());
    EXPECT_EQ(tun.link.RemoveRoute(prefix).error().code, Errc::kNotFound);
  });
}

TEST(LinkControl, AddressesAreListedWithTheirPrefix) {
  RUN_IN_NAMESPACE([] {
    EventLoop loop;
    Tun tun(loop, "nk0");
    ASSERT_TRUE(tun.link.AddAddress(Ip("10.9.0.1"), 24).has_value());
    ASSERT_TRUE(tun.link.AddAddress(Ip("10.9.0.1"), 24).has_value());
    const InterfaceAddress expected{.interface = "nk0",
                                    .address = Ip("10.9.0.1"),
                                    .prefix_length = 24,
                                    .is_point_to_point = true};
    auto list = ListInterfaceAddresses().value();
    EXPECT_EQ(std::ranges::count(list, expected), 1);
    EXPECT_TRUE(tun.link.RemoveAddress(Ip("10.9.0.1"), 24).has_value());
    EXPECT_EQ(tun.link.RemoveAddress(Ip("10.9.0.1"), 24).error().code,
              Errc::kNotFound);
    list = ListInterfaceAddresses().value();
    EXPECT_EQ(std::ranges::count(list, expected), 0);
  });
}

TEST(ListInterfaceAddresses, SkipsInterfacesThatAreDown) {
  RUN_IN_NAMESPACE([] {
    EXPECT_TRUE(ListInterfaceAddresses().value().empty());
    ASSERT_TRUE(LinkControl::Find("lo").value().SetUp().has_value());
    const auto list = ListInterfaceAddresses().value();
    ASSERT_FALSE(list.empty());
    EXPECT_EQ(list[0].address, Ip("127.0.0.1"));
    EXPECT_TRUE(list[0].is_loopback);
  });
}

TEST(NetworkWatcher, ReportsABurstOfChangesOnce) {
  RUN_IN_NAMESPACE([] {
    EventLoop loop;
    Tun tun(loop, "nk0");
    int changes = 0;
    const auto watcher = NetworkWatcher::Start(loop, [&] { ++changes; }, 100ms);
    ASSERT_TRUE(watcher.has_value());
    EXPECT_FALSE(loop.RunUntil([&] { return changes > 0; }, 10ms));
    for (const char* address : {"10.9.0.1", "10.9.0.2", "10.9.0.3"}) {
      ASSERT_TRUE(tun.link.AddAddress(Ip(address), 24).has_value());
    }
    EXPECT_TRUE(loop.RunUntil([&] { return changes == 1; }, kLimit));
    ASSERT_TRUE(tun.link.SetDown().has_value());
    EXPECT_TRUE(loop.RunUntil([&] { return changes == 2; }, kLimit));
  });
}

}  // namespace
}  // namespace natkit::io
