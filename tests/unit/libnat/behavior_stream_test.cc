// What behavior discovery asks over TCP, against an owner that answers by a
// script: the mapping of TCP connections, and captive portals.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "natkit/base/rng.h"
#include "natkit/nat/behavior_discovery.h"
#include "natkit/nat/stun_attributes.h"
#include "natkit/nat/stun_message.h"
#include "natkit/nat/stun_message_builder.h"

namespace natkit::nat {
namespace {

const IpAddress kFirst = IpAddress::V4(203, 0, 113, 1);
const IpAddress kSecond = IpAddress::V4(203, 0, 113, 2);
const IpAddress kHost = IpAddress::V4(192, 168, 1, 2);
const IpAddress kOutside = IpAddress::V4(198, 51, 100, 7);
const Endpoint kPage{IpAddress::V4(192, 0, 2, 80), 80};

/// The external endpoint of a connection from `local` to `to`.
using Mapping =
    std::function<Endpoint(const Endpoint& local, const Endpoint& to)>;

/// What the world is like.
struct World {
  Mapping tcp;
  bool has_udp = true;
  /// A server that takes no TCP connections.
  std::optional<Endpoint> without_tcp;
  std::string page;  ///< the web server's answer; empty: none
  size_t chunk = 7;  ///< bytes that arrive at once on a connection
};

Endpoint Kept(const Endpoint& local, const Endpoint&) {
  return {.address = kOutside, .port = local.port};
}

class Owner {
 public:
  Owner(World world, BehaviorConfig config)
      : world_(std::move(world)), discovery_(std::move(config), rng_) {}

  const BehaviorReport& Run() {
    discovery_.Start(now_);
    Drain();
    while (!discovery_.is_finished()) {
      now_ = std::max(now_, discovery_.NextTimeout().value());
      discovery_.HandleTimeout(now_);
      Drain();
    }
    return discovery_.report();
  }

  /// Local endpoints of connections to the STUN server, in order.
  std::vector<Endpoint> connections;
  std::string asked_page;
  size_t open_streams = 0;
  size_t most_open_streams = 0;

 private:
  struct Stream {
    Endpoint local;
    Endpoint to;
  };

  void Drain() {
    while (const auto action = discovery_.PollAction()) {
      std::visit([this](const auto& wish) { Do(wish); }, *action);
    }
  }

  void Do(const OpenSocket& wish) {
    Endpoint local = wish.local;
    local.port = local.port == 0 ? next_port_++ : local.port;
    udp_[wish.socket] = local;
    discovery_.HandleSocketOpened(now_, wish.socket, local);
  }

  void Do(const CloseSocket& close) {
    open_streams -= streams_.erase(close.socket);
    udp_.erase(close.socket);
  }

  void Do(const SendDatagram& send) {
    if (world_.has_udp) {
      const Endpoint& local = udp_.at(send.socket);
      discovery_.HandleDatagram(
          now_, send.socket, send.to,
          Answer(send.payload, Kept(local, send.to), send.to));
    }
  }

  void Do(const OpenStream& wish) {
    if (wish.to == world_.without_tcp) {
      discovery_.HandleSocketOpened(now_, wish.socket,
                                    Fail(Errc::kConnectionRefused));
      return;
    }
    Endpoint local = wish.local;
    local.port = local.port == 0 ? next_port_++ : local.port;
    streams_[wish.socket] = {.local = local, .to = wish.to};
    most_open_streams = std::max(most_open_streams, ++open_streams);
    if (wish.to != kPage) {
      connections.push_back(local);
    }
    discovery_.HandleSocketOpened(now_, wish.socket, local);
  }

  void Do(const SendOnStream& send) {
    const Stream stream = streams_.at(send.socket);
    if (stream.to == kPage) {
      asked_page = AsText(send.bytes);
      Arrive(send.socket, AsBytes(world_.page));
    } else {
      Arrive(
          send.socket,
          Answer(send.bytes, world_.tcp(stream.local, stream.to), stream.to));
    }
  }

  void Arrive(SocketNumber socket, ByteView bytes) {
    for (size_t at = 0; at < bytes.size(); at += world_.chunk) {
      discovery_.HandleStreamData(
          now_, socket,
          bytes.subspan(at, std::min(world_.chunk, bytes.size() - at)));
    }
  }

  static std::vector<uint8_t> Answer(ByteView request, const Endpoint& mapped,
                                     const Endpoint& at) {
    const auto message = stun::Message::Parse(request);
    if (!message) {
      return {};
    }
    std::array<uint8_t, 256> buffer{};
    stun::MessageBuilder builder(buffer, stun::kBindingSuccess, message->id());
    builder.Add<stun::attr::XorMappedAddress>(mapped);
    builder.Add<stun::attr::OtherAddress>(
        {at.address == kFirst ? kSecond : kFirst,
         static_cast<uint16_t>(at.port == 3478 ? 3479 : 3478)});
    const ByteView bytes = builder.Finish().value();
    return {bytes.begin(), bytes.end()};
  }

  World world_;
  SeededRng rng_{1};
  BehaviorDiscovery discovery_;
  std::map<SocketNumber, Endpoint> udp_;
  std::map<SocketNumber, Stream> streams_;
  uint16_t next_port_ = 40000;
  Instant now_;
};

BehaviorConfig ConfigForTcp() {
  return {.servers = {{kFirst, 3478}, {kSecond, 3478}, {kSecond, 3479}},
          .local_addresses = {kHost},
          .tests_tcp = true};
}

BehaviorConfig ConfigForPage() {
  BehaviorConfig config = ConfigForTcp();
  config.tests_tcp = false;
  config.portal_page = {
      .server = kPage, .host = "page.example", .path = "/generate_204"};
  return config;
}

Verdict TcpIn(World world) {
  Owner owner(std::move(world), ConfigForTcp());
  return owner.Run().verdict(Axis::kTcp);
}

TEST(TcpAxis, ConnectionsComeFromOnePortAndAreUpTogether) {
  Owner owner({.tcp = Kept}, ConfigForTcp());
  const BehaviorReport& report = owner.Run();
  ASSERT_EQ(owner.connections.size(), 3U);
  EXPECT_EQ(owner.connections[0], owner.connections[1]);
  EXPECT_EQ(owner.connections[0], owner.connections[2]);
  EXPECT_EQ(owner.most_open_streams, 3U);
  EXPECT_EQ(owner.open_streams, 0U);
  EXPECT_EQ(report.verdict(Axis::kTcp).evidence.size(), 3U);
  EXPECT_EQ(report.verdict(Axis::kTcp).evidence[0].asked, "binding over tcp");
}

TEST(TcpAxis, TellsWhatMappingsDependOn) {
  EXPECT_EQ(TcpIn({.tcp = Kept}).value, "endpoint-independent");
  EXPECT_EQ(TcpIn({.tcp = [](const Endpoint& local,
                             const Endpoint&) { return local; }})
                .value,
            "none");
  EXPECT_EQ(TcpIn({.tcp =
                       [](const Endpoint&, const Endpoint& to) {
                         return Endpoint{kOutside, to.address.bytes()[3]};
                       }})
                .value,
            "address-dependent");
  // Twice the same port, by chance: not a second time.
  uint16_t drawn = 1024;
  EXPECT_EQ(TcpIn({.tcp =
                       [&drawn](const Endpoint&, const Endpoint&) {
                         const uint16_t port = drawn++ == 1026 ? 1026 : drawn;
                         return Endpoint{kOutside, port};
                       }})
                .value,
            "address-and-port-dependent");
  uint16_t next = 1024;
  EXPECT_EQ(TcpIn({.tcp =
                       [&next](const Endpoint&, const Endpoint&) {
                         return Endpoint{kOutside, next++};
                       }})
                .value,
            "address-and-port-dependent");
}

TEST(TcpAxis, AServerWithoutTcpLeavesItOpen) {
  const Verdict verdict =
      TcpIn({.tcp = Kept, .without_tcp = Endpoint{kSecond, 3479}});
  EXPECT_EQ(verdict.outcome, Outcome::kInconclusive);
  EXPECT_EQ(verdict.reason, "203.0.113.2:3479 does not answer over TCP");
  EXPECT_EQ(verdict.evidence.back().note, "no connection: connection refused");
}

TEST(TcpAxis, IsNotAskedByOwnersThatDoNotWantIt) {
  BehaviorConfig config = ConfigForTcp();
  config.tests_tcp = false;
  Owner owner({.tcp = Kept}, config);
  EXPECT_EQ(owner.Run().verdict(Axis::kTcp).outcome, Outcome::kUntested);
  EXPECT_TRUE(owner.connections.empty());
}

TEST(TcpAxis, SaysThatTcpWorksWhereUdpDoesNot) {
  Owner owner({.tcp = Kept, .has_udp = false}, ConfigForTcp());
  const BehaviorReport& report = owner.Run();
  EXPECT_TRUE(report.traits.is_udp_blocked);
  EXPECT_EQ(report.verdict(Axis::kTcp).reason,
            "203.0.113.1:3478 answers over TCP, not over UDP");
}

TEST(PortalAxis, AnEmptyPageMeansNoPortal) {
  Owner owner({.tcp = Kept, .page = "HTTP/1.1 204 No Content\r\n\r\n"},
              ConfigForPage());
  const Verdict verdict = owner.Run().verdict(Axis::kCaptivePortal);
  EXPECT_EQ(verdict.outcome, Outcome::kDetermined);
  EXPECT_EQ(verdict.value, "no");
  EXPECT_TRUE(owner.asked_page.starts_with(
      "GET /generate_204 HTTP/1.1\r\nHost: page.example\r\n"));
  EXPECT_TRUE(owner.asked_page.ends_with("\r\n\r\n"));
}

TEST(PortalAxis, AnotherPageIsThePortals) {
  for (const std::string_view status : {"200 OK", "302 Found", "511 Log in"}) {
    // Also where UDP is blocked until somebody logs in.
    Owner owner({.tcp = Kept,
                 .has_udp = false,
                 .page = "HTTP/1.0 " + std::string(status) + "\r\n\r\n<html>"},
                ConfigForPage());
    EXPECT_EQ(owner.Run().verdict(Axis::kCaptivePortal).value, "yes") << status;
  }
}

TEST(PortalAxis, WhatIsNoAnswerToTheQuestionLeavesItOpen) {
  for (const std::string page :
       {"", "HTTP/1.1 404 Not Found\r\n\r\n", "220 mail.example\r\n\r\n",
        "HTTP/1.1 20", "HTTP/1.1 abc\r\n\r\n"}) {
    Owner owner({.tcp = Kept, .page = page}, ConfigForPage());
    EXPECT_EQ(owner.Run().verdict(Axis::kCaptivePortal).outcome,
              Outcome::kInconclusive)
        << page;
  }
}

TEST(PortalAxis, APageWithoutEndIsCutOff) {
  Owner owner({.tcp = Kept,
               .page = "HTTP/1.1 200 OK\r\nX: " + std::string(100000, 'x'),
               .chunk = 1400},
              ConfigForPage());
  EXPECT_EQ(owner.Run().verdict(Axis::kCaptivePortal).value, "yes");
}

TEST(PortalAxis, IsNotAskedWithoutAPage) {
  Owner owner({.tcp = Kept}, ConfigForTcp());
  EXPECT_EQ(owner.Run().verdict(Axis::kCaptivePortal).outcome,
            Outcome::kUntested);
}

}  // namespace
}  // namespace natkit::nat
