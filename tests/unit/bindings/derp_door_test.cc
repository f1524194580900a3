// natkit/derp.h against the relay of libderp, in virtual time.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/keys.h"
#include "natkit/base/rng.h"
#include "natkit/derp/meta_certificate.h"
#include "natkit/derp/server_core.h"
#include "natkit/natkit.h"

namespace natkit::c {
namespace {

using derp::ConnectionId;
using ::testing::ElementsAre;

using Key = std::array<uint8_t, NATKIT_KEY_SIZE>;

Key PrivateKeyOf(uint8_t byte) {
  Key key;
  key.fill(byte);
  return key;
}

Key PublicKeyOf(uint8_t byte) {
  Key out{};
  EXPECT_EQ(natkit_key_get_public(PrivateKeyOf(byte).data(), out.data()), 0);
  return out;
}

/// A client behind the C door, and the events that it had.
class Client {
 public:
  Client(uint8_t byte, ConnectionId id, natkit_derp_client_config config)
      : id_(id) {
    const Key key = PrivateKeyOf(byte);
    config.private_key = key.data();
    config.host = "relay.example";
    EXPECT_EQ(natkit_derp_client_new(&config, &handle_), 0);
  }

  ~Client() { natkit_derp_client_free(handle_); }

  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// All events that wait; packets as text.
  void Poll() {
    std::array<uint8_t, NATKIT_DERP_MAX_PACKET> data;
    natkit_derp_event event;
    natkit_init(&event);
    while (natkit_derp_client_poll_event(handle_, &event, data.data(),
                                         data.size()) == 1) {
      events.push_back(event);
      if (event.type == NATKIT_DERP_EVENT_PACKET) {
        packets.emplace_back(
            data.begin(),
            data.begin() + static_cast<ptrdiff_t>(event.data_size));
      }
    }
  }

  [[nodiscard]] const natkit_derp_event* Find(uint32_t type) const {
    const auto found =
        std::ranges::find(events, type, &natkit_derp_event::type);
    return found == events.end() ? nullptr : &*found;
  }

  [[nodiscard]] natkit_derp_client* handle() const { return handle_; }

  [[nodiscard]] ConnectionId id() const { return id_; }

  std::vector<natkit_derp_event> events;
  std::vector<std::string> packets;

 private:
  ConnectionId id_;
  natkit_derp_client* handle_ = nullptr;
};

class DerpDoor : public ::testing::Test {
 protected:
  DerpDoor() : server_(ServerConfig(), rng_) {}

  static derp::ServerConfig ServerConfig() {
    return {.private_key = StaticPrivateKey(PrivateKeyOf(99))};
  }

  static natkit_derp_client_config Config() {
    natkit_derp_client_config config;
    natkit_init(&config);
    return config;
  }

  /// A client that has been started and has had time to log in.
  Client& Connect(uint8_t byte, const uint8_t* server_key = nullptr,
                  const natkit_derp_client_config& config = Config()) {
    const ConnectionId id{byte};
    Client& client =
        *clients_.try_emplace(id, std::make_unique<Client>(byte, id, config))
             .first->second;
    server_.Accept(now_, id, {});
    EXPECT_EQ(natkit_derp_client_start(client.handle(), Ns(), server_key), 0);
    Carry();
    return client;
  }

  [[nodiscard]] uint64_t Ns() const {
    return static_cast<uint64_t>(now_.time_since_epoch().count());
  }

  /// Moves bytes both ways until there are none.
  void Carry(bool polls = true) {
    bool moved = true;
    while (moved) {
      moved = false;
      for (const auto& [id, client] : clients_) {
        moved = CarryUp(*client) || CarryDown(*client) || moved;
        if (polls) {
          client->Poll();
        }
      }
    }
  }

  void Send(Client& from, uint8_t to, std::string_view text) {
    EXPECT_EQ(
        natkit_derp_client_send(from.handle(), Ns(), PublicKeyOf(to).data(),
                                text.data(), text.size()),
        0);
  }

  void Advance(Duration duration) {
    now_ += duration;
    for (const auto& [id, client] : clients_) {
      EXPECT_EQ(natkit_derp_client_handle_timeout(client->handle(), Ns()), 0);
    }
    Carry();
  }

  SeededRng rng_{1};
  derp::ServerCore server_;
  Instant now_{std::chrono::seconds(1)};
  std::map<ConnectionId, std::unique_ptr<Client>> clients_;
  /// Bytes that a stream takes at once.
  size_t chunk_ = 100;

 private:
  bool CarryUp(Client& client) {
    std::vector<uint8_t> bytes(chunk_);
    const int size = natkit_derp_client_poll_transmit(
        client.handle(), Ns(), bytes.data(), bytes.size());
    EXPECT_GE(size, 0);
    bytes.resize(static_cast<size_t>(size));
    server_.HandleBytes(now_, client.id(), bytes);
    return size > 0;
  }

  bool CarryDown(Client& client) {
    std::vector<uint8_t> bytes(chunk_);
    const size_t size = server_.PollTransmit(now_, client.id(), bytes);
    EXPECT_EQ(natkit_derp_client_handle_bytes(client.handle(), Ns(),
                                              bytes.data(), size),
              0);
    return size > 0;
  }
};

TEST_F(DerpDoor, ClientsLogInWithAndWithoutTheServersKey) {
  const Key server_key = PublicKeyOf(99);
  const Client& slow = Connect(1);
  const Client& fast = Connect(2, server_key.data());
  for (const Client* client : {&slow, &fast}) {
    ASSERT_FALSE(client->events.empty());
    EXPECT_EQ(client->events.front().type, NATKIT_DERP_EVENT_CONNECTED);
    EXPECT_THAT(client->events.front().key,
                ::testing::ElementsAreArray(server_key));
    EXPECT_EQ(natkit_derp_client_is_connected(client->handle()), 1);
    EXPECT_EQ(natkit_derp_client_has_output(client->handle()), 0);
  }
}

TEST_F(DerpDoor, PacketsArriveHoweverTheStreamsAreCut) {
  for (const size_t chunk : {1U, 7U, 1000U}) {
    chunk_ = chunk;
    Client& a = Connect(1);
    Client& b = Connect(2);
    Send(a, 2, "one");
    Send(a, 2, "");
    Send(b, 1, std::string(NATKIT_DERP_MAX_PACKET, 'x'));
    Carry();
    EXPECT_THAT(b.packets, ElementsAre("one", ""));
    EXPECT_THAT(a.packets,
                ElementsAre(std::string(NATKIT_DERP_MAX_PACKET, 'x')));
    EXPECT_THAT(b.Find(NATKIT_DERP_EVENT_PACKET)->key,
                ::testing::ElementsAreArray(PublicKeyOf(1)));
    natkit_derp_counters counters;
    natkit_init(&counters);
    EXPECT_EQ(natkit_derp_client_get_counters(a.handle(), &counters), 0);
    EXPECT_EQ(counters.packets_sent, 2U);
    EXPECT_EQ(counters.packets_received, 1U);
    for (const auto& [id, client] : clients_) {
      server_.HandleClosed(now_, id);
    }
    clients_.clear();
  }
}

TEST_F(DerpDoor, APacketWaitsForABufferThatHoldsIt) {
  Client& a = Connect(1);
  Client& b = Connect(2);
  Send(a, 2, "first packet");
  Send(a, 2, "second");
  Carry(/*polls=*/false);
  natkit_derp_event event;
  natkit_init(&event);
  std::array<char, 16> data{};
  EXPECT_EQ(natkit_derp_client_poll_event(b.handle(), &event, data.data(), 11),
            NATKIT_ERR_BUFFER_TOO_SMALL);
  EXPECT_EQ(event.type, 0U);
  EXPECT_EQ(data[0], '\0');
  // Input meanwhile must not harm what waits.
  Send(a, 2, "third, which is long");
  Carry(/*polls=*/false);
  EXPECT_EQ(natkit_derp_client_poll_event(b.handle(), &event, nullptr, 0),
            NATKIT_ERR_BUFFER_TOO_SMALL);
  ASSERT_EQ(natkit_derp_client_poll_event(b.handle(), &event, data.data(), 12),
            1);
  EXPECT_EQ(event.data_size, 12U);
  EXPECT_EQ(std::string_view(data.data(), 12), "first packet");
  EXPECT_EQ(data[12], '\0');
  b.Poll();
  EXPECT_THAT(b.packets, ElementsAre("second", "third, which is long"));
}

TEST_F(DerpDoor, PingsAreAnsweredOrTimeOut) {
  Client& a = Connect(1);
  EXPECT_EQ(natkit_derp_client_ping(a.handle(), Ns()), 0);
  Carry();
  ASSERT_NE(a.Find(NATKIT_DERP_EVENT_PONG), nullptr);
  EXPECT_EQ(natkit_derp_client_ping(a.handle(), Ns()), 0);
  uint64_t due = 0;
  ASSERT_EQ(natkit_derp_client_next_timeout(a.handle(), &due), 1);
  EXPECT_EQ(due, Ns() + 5 * NATKIT_SECOND);
  EXPECT_EQ(natkit_derp_client_handle_timeout(a.handle(), due), 0);
  a.Poll();
  EXPECT_NE(a.Find(NATKIT_DERP_EVENT_PING_TIMED_OUT), nullptr);
}

TEST_F(DerpDoor, ThoseWhoAreNotThereAreGone) {
  Client& a = Connect(1);
  // The relay answers for what looks like path discovery.
  std::string disco(80, '\0');
  disco.replace(0, 6, "TS\xf0\x9f\x92\xac");
  Send(a, 7, disco);
  Carry();
  const natkit_derp_event* gone = a.Find(NATKIT_DERP_EVENT_PEER_GONE);
  ASSERT_NE(gone, nullptr);
  EXPECT_EQ(gone->reason, uint32_t{NATKIT_DERP_GONE_NOT_HERE});
  EXPECT_THAT(gone->key, ::testing::ElementsAreArray(PublicKeyOf(7)));
}

TEST_F(DerpDoor, ARestartIsAnnounced) {
  Client& a = Connect(1);
  server_.AnnounceRestart(now_, {.reconnect_in = std::chrono::seconds(3),
                                 .try_for = std::chrono::seconds(60)});
  Carry();
  const natkit_derp_event* event = a.Find(NATKIT_DERP_EVENT_RESTARTING);
  ASSERT_NE(event, nullptr);
  EXPECT_EQ(event->reconnect_in_ns, 3 * NATKIT_SECOND);
  EXPECT_EQ(event->try_for_ns, 60 * NATKIT_SECOND);
}

TEST_F(DerpDoor, TheEndSaysWhy) {
  Client& a = Connect(1);
  EXPECT_EQ(natkit_derp_client_handle_closed(a.handle(), Ns()), 0);
  a.Poll();
  const natkit_derp_event* closed = a.Find(NATKIT_DERP_EVENT_CLOSED);
  ASSERT_NE(closed, nullptr);
  EXPECT_EQ(closed->reason, uint32_t{NATKIT_DERP_CLOSE_STREAM});
  EXPECT_EQ(closed->code, NATKIT_ERR_CLOSED);
  EXPECT_EQ(natkit_derp_client_is_connected(a.handle()), 0);
  uint64_t due = 0;
  EXPECT_EQ(natkit_derp_client_next_timeout(a.handle(), &due), 0);
  const Key key = PublicKeyOf(2);
  EXPECT_EQ(natkit_derp_client_send(a.handle(), Ns(), key.data(), "x", 1),
            NATKIT_ERR_CLOSED);
}

TEST_F(DerpDoor, SilenceEndsTheConnection) {
  natkit_derp_client_config config = Config();
  config.read_timeout_ns = 7 * NATKIT_SECOND;
  Client& a = Connect(1, nullptr, config);
  Advance(std::chrono::seconds(8));
  const natkit_derp_event* closed = a.Find(NATKIT_DERP_EVENT_CLOSED);
  ASSERT_NE(closed, nullptr);
  EXPECT_EQ(closed->reason, uint32_t{NATKIT_DERP_CLOSE_READ_TIMEOUT});
}

TEST_F(DerpDoor, HomeIsToldOnce) {
  Client& a = Connect(1);
  EXPECT_EQ(natkit_derp_client_note_preferred(a.handle(), 1), 0);
  EXPECT_EQ(natkit_derp_client_has_output(a.handle()), 1);
  Carry();
  EXPECT_EQ(natkit_derp_client_note_preferred(a.handle(), 5), 0);
  EXPECT_EQ(natkit_derp_client_has_output(a.handle()), 0);
}

/// A client that has been let in by raw frames; what it sends goes nowhere.
class DerpDoorFrames : public DerpDoor {
 protected:
  void Frame(Client& client, derp::FrameType type, std::string_view payload) {
    std::vector<uint8_t> frame;
    derp::AppendFrame(type, AsBytes(payload), frame);
    Receive(client, frame);
  }

  void Receive(Client& client, ByteView frame) {
    EXPECT_EQ(natkit_derp_client_handle_bytes(client.handle(), Ns(),
                                              frame.data(), frame.size()),
              0);
    client.Poll();
  }
};

TEST_F(DerpDoorFrames, HealthIsTextWhateverTheRelaySends) {
  Client& a = Connect(1);
  a.events.clear();
  Frame(a, derp::FrameType::kHealth, "line\nbreak \xff end");
  // Three bytes each: the last that fits ends at 255.
  std::string euros;
  for (int i = 0; i < 200; ++i) {
    euros += "\xe2\x82\xac";
  }
  Frame(a, derp::FrameType::kHealth, euros);
  Frame(a, derp::FrameType::kHealth, "a" + euros);
  Frame(a, derp::FrameType::kHealth, "");
  ASSERT_EQ(a.events.size(), 4U);
  EXPECT_STREQ(a.events[0].text, "line\\nbreak \\xff end");
  EXPECT_EQ(std::string(a.events[1].text), euros.substr(0, 255));
  EXPECT_EQ(std::string(a.events[2].text), ("a" + euros).substr(0, 253));
  EXPECT_STREQ(a.events[3].text, "");
}

TEST_F(DerpDoorFrames, PacketsLongerThanTheProtocolAllowsAreDropped) {
  Client& a = Connect(1);
  Frame(a, derp::FrameType::kRecvPacket,
        std::string(NATKIT_KEY_SIZE + NATKIT_DERP_MAX_PACKET + 1, 'k'));
  Frame(a, derp::FrameType::kRecvPacket, std::string(NATKIT_KEY_SIZE, 'k'));
  EXPECT_THAT(a.packets, ElementsAre(""));
}

TEST_F(DerpDoorFrames, RelaysHearOfPeers) {
  Client& a = Connect(1);
  std::vector<uint8_t> frame;
  derp::AppendPeerPresent(
      {.endpoint = Endpoint{.address = IpAddress::V4(192, 0, 2, 1), .port = 9},
       .flags = derp::kPeerIsProber},
      frame);
  Receive(a, frame);
  const natkit_derp_event* present = a.Find(NATKIT_DERP_EVENT_PEER_PRESENT);
  ASSERT_NE(present, nullptr);
  EXPECT_EQ(present->address.family, NATKIT_FAMILY_IPV4);
  EXPECT_EQ(present->address.port, 9);
  EXPECT_EQ(present->peer_flags, NATKIT_DERP_PEER_PROBER);
}

TEST_F(DerpDoorFrames, ABrokenRelayIsLeft) {
  Client& a = Connect(1);
  const std::string frame = "\x02\x7f\xff\xff\xff";
  EXPECT_EQ(natkit_derp_client_handle_bytes(a.handle(), Ns(), frame.data(),
                                            frame.size()),
            0);
  a.Poll();
  const natkit_derp_event* closed = a.Find(NATKIT_DERP_EVENT_CLOSED);
  ASSERT_NE(closed, nullptr);
  EXPECT_EQ(closed->reason, uint32_t{NATKIT_DERP_CLOSE_PROTOCOL_ERROR});
  EXPECT_EQ(closed->code, NATKIT_ERR_FRAME_TOO_LARGE);
}

TEST(DerpServerKey, IsFoundInTheMetaCertificate) {
  SeededRng rng(1);
  const Key key = PublicKeyOf(99);
  PublicKey server_key;
  std::ranges::copy(key, server_key.bytes.begin());
  const auto meta = derp::BuildMetaCertificate(
      server_key, std::chrono::sys_seconds(std::chrono::seconds(1'760'000'000)),
      rng);
  ASSERT_TRUE(meta);
  const std::array<uint8_t, 3> junk = {1, 2, 3};
  const std::array<const uint8_t*, 2> certificates = {junk.data(),
                                                      meta->data()};
  const std::array<size_t, 2> sizes = {junk.size(), meta->size()};
  Key found{};
  EXPECT_EQ(natkit_derp_find_server_key(certificates.data(), sizes.data(), 2,
                                        found.data()),
            1);
  EXPECT_EQ(found, key);
  EXPECT_EQ(natkit_derp_find_server_key(certificates.data(), sizes.data(), 1,
                                        found.data()),
            0);
  EXPECT_EQ(natkit_derp_find_server_key(nullptr, nullptr, 0, found.data()), 0);
  EXPECT_EQ(natkit_derp_find_server_key(nullptr, sizes.data(), 1, found.data()),
            NATKIT_ERR_BAD_ARGUMENT);
  EXPECT_EQ(natkit_derp_find_server_key(certificates.data(), sizes.data(), 65,
                                        found.data()),
            NATKIT_ERR_BAD_ARGUMENT);
  EXPECT_EQ(natkit_derp_find_server_key(certificates.data(), sizes.data(), 2,
                                        nullptr),
            NATKIT_ERR_BAD_ARGUMENT);
}

}  // namespace
}  // namespace natkit::c
