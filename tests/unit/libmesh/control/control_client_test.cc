#include "natkit/mesh/control/control_client.h"

#include <gtest/gtest.h>

namespace natkit::mesh {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

/// A client and, by hand, its server.
class ControlClientTest : public testing::Test {
 protected:
  ControlClientTest() {
    ControlClientConfig config{.auth_key = SecretString("secret"),
                               .host_name = "host"};
    rng.Fill(config.machine_seed.ExposeMutable());
    config.node_key = GeneratePrivateKey(rng);
    config.signalling_key = GeneratePrivateKey(rng);
    client.emplace(std::move(config), rng);
  }

  void Open() {
    client->Start(now);
    ASSERT_TRUE(client->PollCommand());
    client->HandleOpen(now, {});
    client->HandleBytes(now, std::array<uint8_t, 1>{kControlVersion});
    SkipVersion();
  }

  void SkipVersion() {
    std::array<uint8_t, 1> version{};
    ASSERT_EQ(client->PollBytes(version), 1U);
  }

  void Admit(AdmissionState state = AdmissionState::kActive) {
    Say(Challenge{});
    Say(Admission{.state = state, .node = 1, .epoch = 5});
    (void)Sent();
    (void)Lost();
  }

  void Say(const ControlMessage& message) {
    client->HandleBytes(now, EncodeFrame(message));
  }

  std::vector<ControlMessage> Sent() {
    FrameReader reader(kMaxNodeFrame);
    reader.Append(std::array<uint8_t, 1>{kControlVersion});
    std::vector<uint8_t> bytes(65536);
    while (const size_t size = client->PollBytes(bytes)) {
      reader.Append(ByteView(bytes).first(size));
    }
    std::vector<ControlMessage> messages;
    for (auto body = reader.Next(); body && *body; body = reader.Next()) {
      messages.push_back(*DecodeMessage(**body));
    }
    return messages;
  }

  /// The last end among the events, all of which are taken.
  std::optional<ControlLost> Lost() {
    std::optional<ControlLost> lost;
    while (auto event = client->PollEvent()) {
      if (auto* end = std::get_if<ControlLost>(&*event)) {
        lost = std::move(*end);
      }
    }
    while (client->PollCommand()) {
    }
    return lost;
  }

  SeededRng rng{1};
  Instant now{seconds(1000)};
  std::optional<ControlClient> client;
};

TEST_F(ControlClientTest, NothingComesOutOfOrder) {
  const std::vector<ControlMessage> early = {
      Admission{}, MapUpdate{.is_snapshot = true}, RelayedSignal{}, Rotation{},
      Heartbeat{}};
  for (const ControlMessage& message : early) {
    Open();
    Say(message);
    EXPECT_TRUE(Lost()) << message.index();
  }
  Open();
  Say(Challenge{});
  Say(Challenge{});
  EXPECT_TRUE(Lost());
  EXPECT_EQ(client->map(), nullptr);
}

TEST_F(ControlClientTest, AServerOfAnotherVersionIsLeft) {
  client->Start(now);
  client->HandleOpen(now, {});
  client->HandleBytes(now, std::array<uint8_t, 1>{2});
  const auto lost = Lost();
  ASSERT_TRUE(lost);
  EXPECT_NE(lost->why.find("version 2"), std::string::npos);
}

TEST_F(ControlClientTest, PausesDoubleUpToAMinuteAndHalfAsMuchAgain) {
  client->Start(now);
  for (const int expected : {1, 2, 4, 8, 16, 32, 60, 60}) {
    client->HandleClosed(now, "unreachable");
    ASSERT_TRUE(client->NextTimeout());
    const Duration pause = *client->NextTimeout() - now;
    EXPECT_GE(pause, seconds(expected));
    EXPECT_LT(pause, Duration(seconds(expected)) * 3 / 2);
    now = *client->NextTimeout();
    client->HandleTimeout(now);
  }
}

TEST_F(ControlClientTest, SomeEndsAreFinalAndOthersAreNot) {
  for (int number = 1; number <= 9; ++number) {
    const auto reason = static_cast<GoodbyeReason>(number);
    Open();
    Admit();
    Say(Goodbye{.reason = reason});
    const bool is_final = reason == GoodbyeReason::kReplaced ||
                          reason == GoodbyeReason::kRevoked ||
                          reason == GoodbyeReason::kRefused ||
                          reason == GoodbyeReason::kVersion ||
                          reason == GoodbyeReason::kLoggedOut;
    const auto lost = Lost();
    ASSERT_TRUE(lost);
    EXPECT_EQ(lost->is_final, is_final) << number;
    EXPECT_EQ(client->NextTimeout().has_value(), !is_final) << number;
  }
}

TEST_F(ControlClientTest, SpeaksEveryTwentySecondsAndDropsASilentServer) {
  Open();
  Admit();
  EXPECT_EQ(*client->NextTimeout(), now + seconds(20));
  now += seconds(20);
  client->HandleTimeout(now);
  const auto sent = Sent();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<Heartbeat>(sent[0]));
  now += seconds(25);
  client->HandleTimeout(now);
  EXPECT_TRUE(Lost());
}

TEST_F(ControlClientTest, AProbeIsAnsweredInFiveSecondsOrTheStreamIsGivenUp) {
  Open();
  Admit();
  client->Probe(now);
  now += seconds(4);
  Say(Heartbeat{.is_reply = true});
  now += seconds(2);
  client->HandleTimeout(now);
  EXPECT_TRUE(client->is_admitted());
  client->Probe(now);
  now += seconds(5);
  client->HandleTimeout(now);
  EXPECT_TRUE(Lost());
}

TEST_F(ControlClientTest, TheAuthKeyIsUsedUntilItHasServed) {
  const auto auth_key = [this] {
    Open();
    Say(Challenge{});
    return std::get<Authenticate>(Sent().at(0)).auth_key;
  };
  EXPECT_EQ(auth_key(), "secret");
  client->HandleClosed(now, "reset");
  EXPECT_EQ(auth_key(), "secret");
  Say(Admission{});
  client->HandleClosed(now, "reset");
  (void)Lost();
  EXPECT_EQ(auth_key(), "");
}

TEST_F(ControlClientTest, ReportsDifferencesAndAllOfItOnANewStream) {
  Open();
  Admit();
  client->SetReport(now, {.home_relay = 1, .offers_exit = false});
  ASSERT_EQ(Sent().size(), 1U);
  client->SetReport(now, {.home_relay = 1, .offers_exit = false});
  EXPECT_TRUE(Sent().empty());
  client->SetReport(now, {.home_relay = 2, .offers_exit = false});
  EXPECT_EQ(std::get<NodeReport>(Sent().at(0)), NodeReport{.home_relay = 2});
  client->HandleClosed(now, "reset");
  (void)Lost();
  Open();
  Say(Challenge{});
  (void)Sent();
  Say(Admission{});
  EXPECT_EQ(std::get<NodeReport>(Sent().at(0)),
            (NodeReport{.home_relay = 2, .offers_exit = false}));
}

TEST_F(ControlClientTest, AReportIsKeptWithinItsBounds) {
  Open();
  Admit();
  NodeReport report{.endpoints = std::vector<Endpoint>(
                        20, Endpoint{IpAddress::V4(192, 0, 2, 1), 1}),
                    .host_name = std::string(300, 'x')};
  for (int i = 0; i < 100; ++i) {
    report.attributes.emplace();
  }
  for (int i = 0; i < 100; ++i) {
    (*report.attributes)["a" + std::to_string(i)] = true;
  }
  (*report.attributes)["text"] = std::string(2000, 'x');
  client->SetReport(now, report);
  const auto sent = std::get<NodeReport>(Sent().at(0));
  EXPECT_EQ(sent.endpoints->size(), kMaxReportedEndpoints);
  EXPECT_EQ(sent.attributes->size(), kMaxReportedAttributes);
  EXPECT_EQ(sent.host_name->size(), kMaxNameLength);
}

TEST_F(ControlClientTest, AServerThatAsksAndDoesNotReadIsLeft) {
  Open();
  Admit();
  const auto frame = EncodeFrame(Heartbeat{.nonce = 7});
  for (int i = 0; i < 200'000 && client->is_admitted(); ++i) {
    client->HandleBytes(now, frame);
  }
  EXPECT_TRUE(Lost());
}

TEST_F(ControlClientTest, AFrameThatIsTooLongEndsTheStream) {
  Open();
  Admit();
  client->HandleBytes(now, std::array<uint8_t, 4>{0, 0x10, 0, 1});
  EXPECT_TRUE(Lost());
}

}  // namespace
}  // namespace natkit::mesh
