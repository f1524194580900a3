#include "natkit/nat/stun_server.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <functional>

#include "natkit/nat/stun_message_builder.h"
#include "vector_file.h"

namespace natkit::stun {
namespace {

using testing::Bytes;
using testing::Hex;
using testing::VectorFile;

const Endpoint kLocal = *Endpoint::Parse("198.51.100.1:3478");
const Endpoint kClient = *Endpoint::Parse("203.0.113.7:41641");
const Endpoint kClient6 = *Endpoint::Parse("[2001:db8::7]:41641");
const TransactionId kId{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}};
constexpr Instant kStart{};

using Fill = std::function<void(MessageBuilder&)>;

Bytes Build(MessageType type, const Fill& fill = {}) {
  std::array<uint8_t, kMaxUdpMessageSize> buffer;
  MessageBuilder builder(buffer, type, kId);
  if (fill) {
    fill(builder);
  }
  const auto message = builder.Finish();
  return {message->begin(), message->end()};
}

Bytes Request(const Fill& fill = {}) {
  return Build(kBindingRequest, fill);
}

Bytes Tailscale(const std::string& name) {
  return VectorFile("stun_tailscale.txt").Get(name);
}

IntegrityKey Key(std::string_view password = "secret") {
  return *IntegrityKey::ShortTerm(password);
}

class StunServerTest : public ::testing::Test {
 protected:
  void Configure(ServerConfig config) {
    server_.emplace(std::move(config), rng_);
  }

  void ConfigureUser() {
    ServerConfig config;
    config.credentials.push_back({.username = "user", .key = Key()});
    Configure(std::move(config));
  }

  Bytes Ask(const Bytes& datagram, const Endpoint& from = kClient) {
    if (!server_) {
      Configure({});
    }
    Bytes out(StunServer::kMaxResponseSize);
    const ServerReply reply =
        server_->HandleDatagram(kStart, kLocal, from, datagram, out);
    if (reply.size > 0) {
      EXPECT_EQ(reply.from, kLocal);
      EXPECT_EQ(reply.to, from);
    }
    out.resize(reply.size);
    return out;
  }

  void ExpectError(const Bytes& response, ErrorCode code) {
    const auto message = Message::Parse(response);
    ASSERT_TRUE(message);
    EXPECT_EQ(message->type(), kBindingError);
    EXPECT_EQ(message->id(), kId);
    EXPECT_EQ(message->Get<attr::ErrorCode>()->code, code);
  }

  SeededRng rng_{1};
  std::optional<StunServer> server_;
};

TEST_F(StunServerTest, AnswersWithTheReflexiveAddressAlone) {
  const Bytes response = Ask(Request());
  EXPECT_EQ(response, Tailscale("ipv4_response"));
  EXPECT_EQ(response.size(), 32U);
  EXPECT_EQ(server_->counters().answered, 1U);
}

// A request without attributes takes a shorter way through the server.
TEST_F(StunServerTest, AnAttributeThatSaysNothingChangesNothing) {
  const Bytes longer =
      Request([](auto& out) { out.AddRaw(AttributeType{0xff00}, Bytes(4)); });
  for (const Endpoint& from : {kClient, kClient6}) {
    EXPECT_EQ(Ask(Request(), from), Ask(longer, from));
  }
  EXPECT_EQ(server_->counters().answered, 4U);
}

TEST_F(StunServerTest, AnswersIpv6) {
  EXPECT_EQ(Ask(Request(), kClient6), Tailscale("ipv6_response"));
}

TEST_F(StunServerTest, AnswersAnIpv4ClientOfADualStackSocketWithIpv4) {
  const Endpoint mapped{.address = kClient.address.MappedToV6(),
                        .port = kClient.port};
  EXPECT_EQ(Ask(Request(), mapped), Tailscale("ipv4_response"));
}

TEST_F(StunServerTest, AnswersTailscalesClientsWithTheirShortForm) {
  ServerConfig config;
  config.software = "natkit";
  Configure(std::move(config));
  EXPECT_EQ(Ask(Tailscale("request")), Tailscale("ipv4_response"));
  EXPECT_EQ(Ask(Tailscale("request"), kClient6), Tailscale("ipv6_response"));
}

TEST_F(StunServerTest, TailnodeOnlyIgnoresEverybodyElse) {
  Configure({.requests = RequestPolicy::kTailnodeOnly});
  EXPECT_EQ(Ask(Tailscale("request")), Tailscale("ipv4_response"));
  const Bytes refused[] = {
      Request(),
      Request([](auto& out) { out.AddFingerprint(); }),
      Request([](auto& out) { out.template Add<attr::Software>("tailnode"); }),
      Request([](auto& out) {
        out.template Add<attr::Software>("tailnodE").AddFingerprint();
      }),
  };
  for (const Bytes& request : refused) {
    EXPECT_TRUE(Ask(request).empty());
  }
  EXPECT_EQ(server_->counters().refused_form, 4U);
  Bytes bad_fingerprint = Tailscale("request");
  bad_fingerprint.back() ^= 1;
  EXPECT_TRUE(Ask(bad_fingerprint).empty());
}

TEST_F(StunServerTest, MirrorsTheFingerprint) {
  const Bytes response = Ask(Request([](auto& out) { out.AddFingerprint(); }));
  EXPECT_EQ(response.size(), 40U);
  EXPECT_TRUE(Message::Parse(response)->has_fingerprint());
}

TEST_F(StunServerTest, AddsSoftwareWhenConfigured) {
  ServerConfig config;
  config.software = "natkit";
  Configure(std::move(config));
  const Bytes response = Ask(Request());
  EXPECT_EQ(Message::Parse(response)->Get<attr::Software>(), "natkit");
}

TEST_F(StunServerTest, NeverAnswersWhatIsNotABindingRequest) {
  const MessageType ignored[] = {kBindingIndication,
                                 kBindingSuccess,
                                 kBindingError,
                                 {MessageClass::kRequest, Method::kAllocate}};
  for (const MessageType type : ignored) {
    EXPECT_TRUE(Ask(Build(type)).empty());
  }
  EXPECT_EQ(server_->counters().not_a_request, 4U);
}

// With the sources forged, each would answer the other for ever.
TEST_F(StunServerTest, TwoServersExchangeOnePacket) {
  const Bytes answer = Ask(Request());
  EXPECT_FALSE(answer.empty());
  EXPECT_TRUE(Ask(answer).empty());
  const Bytes error =
      Ask(Request([](auto& out) { out.AddRaw(AttributeType{0x7f00}, {}); }));
  EXPECT_FALSE(error.empty());
  EXPECT_TRUE(Ask(error).empty());
}

TEST_F(StunServerTest, IgnoresWhatIsNotStun) {
  EXPECT_TRUE(Ask({}).empty());
  EXPECT_TRUE(Ask(Bytes(19)).empty());
  EXPECT_TRUE(Ask(Bytes(148, 1)).empty());
  EXPECT_EQ(server_->counters().not_stun, 3U);
}

TEST_F(StunServerTest, IgnoresMartianSources) {
  EXPECT_TRUE(Ask(Request(), *Endpoint::Parse("203.0.113.7:53")).empty());
  EXPECT_TRUE(Ask(Request(), *Endpoint::Parse("255.255.255.255:5000")).empty());
  EXPECT_TRUE(
      Ask(Request(), *Endpoint::Parse("[::ffff:224.0.0.1]:5000")).empty());
  EXPECT_EQ(server_->counters().refused_source, 3U);
}

TEST_F(StunServerTest, ListsUnknownAttributes) {
  const Bytes response = Ask(Request([](auto& out) {
    out.AddRaw(AttributeType{0x7f01}, {})
        .AddRaw(AttributeType{0xff00}, {})
        .template Add<attr::ResponsePort>(4000);
  }));
  ExpectError(response, ErrorCode::kUnknownAttribute);
  const auto list = Message::Parse(response)->Get<attr::UnknownAttributes>();
  ASSERT_TRUE(list);
  EXPECT_EQ(std::vector(list->items().begin(), list->items().end()),
            (std::vector{AttributeType{0x7f01}, AttributeType::kResponsePort}));
  EXPECT_EQ(server_->counters().unknown_attribute, 1U);
}

TEST_F(StunServerTest, ListsManyUnknownAttributes) {
  std::vector<AttributeType> unknown;
  for (uint16_t type = 0x7000; type < 0x7064; ++type) {
    unknown.push_back(AttributeType{type});
  }
  const Bytes response = Ask(Request([&](auto& out) {
    for (const AttributeType type : unknown) {
      out.AddRaw(type, {});
    }
  }));
  ExpectError(response, ErrorCode::kUnknownAttribute);
  const auto list = Message::Parse(response)->Get<attr::UnknownAttributes>();
  ASSERT_TRUE(list);
  EXPECT_EQ(std::vector(list->items().begin(), list->items().end()), unknown);
}

TEST_F(StunServerTest, ASingleAddressCannotHonourChangeRequest) {
  for (const auto& [ip, port] :
       {std::pair{true, true}, {true, false}, {false, true}}) {
    ExpectError(
        Ask(Request([&](MessageBuilder& out) {
          out.Add<attr::ChangeRequest>({.change_ip = ip, .change_port = port});
        })),
        ErrorCode::kUnknownAttribute);
  }
  EXPECT_EQ(Ask(Request(
                [](MessageBuilder& out) { out.Add<attr::ChangeRequest>({}); })),
            Tailscale("ipv4_response"));
}

TEST_F(StunServerTest, AsksForCredentialsInTheOrderOfTheRfc) {
  ConfigureUser();
  ExpectError(Ask(Request()), ErrorCode::kBadRequest);
  ExpectError(Ask(Request([](MessageBuilder& out) {
                out.Add<attr::Username>("user");
              })),
              ErrorCode::kBadRequest);
  ExpectError(
      Ask(Request([](MessageBuilder& out) { out.AddIntegrity(Key()); })),
      ErrorCode::kBadRequest);
  ExpectError(Ask(Request([](MessageBuilder& out) {
                out.Add<attr::Username>("nobody").AddIntegrity(Key());
              })),
              ErrorCode::kUnauthenticated);
  const Bytes wrong = Ask(Request([](MessageBuilder& out) {
    out.Add<attr::Username>("user").AddIntegrity(Key("wrong"));
  }));
  ExpectError(wrong, ErrorCode::kUnauthenticated);
  EXPECT_FALSE(Message::Parse(wrong)->Has(AttributeType::kMessageIntegrity));
  EXPECT_EQ(server_->counters().unauthenticated, 5U);
}

TEST_F(StunServerTest, AnswersWithTheStrongestIntegrityOfTheRequest) {
  ConfigureUser();
  const Bytes sha1 = Ask(Request([](MessageBuilder& out) {
    out.Add<attr::Username>("user").AddIntegrity(Key());
  }));
  EXPECT_TRUE(VerifyIntegrity(*Message::Parse(sha1), Key()));
  const Bytes both = Ask(Request([](MessageBuilder& out) {
    out.Add<attr::Username>("user").AddIntegrity(Key()).AddIntegritySha256(
        Key());
  }));
  const auto message = Message::Parse(both);
  EXPECT_TRUE(VerifyIntegritySha256(*message, Key()));
  EXPECT_FALSE(message->Has(AttributeType::kMessageIntegrity));
  EXPECT_EQ(message->GetXorMappedAddress(), kClient);
}

TEST_F(StunServerTest, AWrongSha256IsNotSavedByARightSha1) {
  ConfigureUser();
  ExpectError(
      Ask(Request([](MessageBuilder& out) {
        out.Add<attr::Username>("user").AddIntegrity(Key()).AddIntegritySha256(
            Key("wrong"));
      })),
      ErrorCode::kUnauthenticated);
}

TEST_F(StunServerTest, WithoutAmplificationOnlyLongRequestsAreAnswered) {
  Configure({.amplification = AmplificationPolicy::kNone});
  EXPECT_TRUE(Ask(Request()).empty());
  EXPECT_EQ(server_->counters().too_long, 1U);
  EXPECT_EQ(server_->counters().answered, 0U);
  EXPECT_EQ(Ask(Request([](MessageBuilder& out) {
              out.AddRaw(AttributeType{0xff00}, Bytes(8));
            })),
            Tailscale("ipv4_response"));
}

TEST_F(StunServerTest, LimitsEachSource) {
  for (int i = 0; i < 60; ++i) {
    EXPECT_FALSE(Ask(Request()).empty());
  }
  EXPECT_TRUE(Ask(Request()).empty());
  EXPECT_EQ(server_->counters().rate_limited, 1U);
  EXPECT_FALSE(Ask(Request(), kClient6).empty());
}

TEST_F(StunServerTest, WithoutALimitAnswersEverything) {
  Configure({.rate_limit = std::nullopt});
  for (int i = 0; i < 1000; ++i) {
    ASSERT_FALSE(Ask(Request()).empty());
  }
}

const Bytes kRfc3489Request =
    Hex("00010000"
        "a1a2a3a4a5a6a7a8a9aaabacadaeafb0");

TEST_F(StunServerTest, IgnoresRfc3489ByDefault) {
  EXPECT_TRUE(Ask(kRfc3489Request).empty());
  EXPECT_EQ(server_->counters().refused_rfc3489, 1U);
  EXPECT_EQ(server_->counters().not_stun, 0U);
}

TEST_F(StunServerTest, AnswersRfc3489WhenConfigured) {
  Configure({.answers_rfc3489 = true});
  EXPECT_EQ(Ask(kRfc3489Request), Hex("0101000c"
                                      "a1a2a3a4a5a6a7a8a9aaabacadaeafb0"
                                      "00010008"
                                      "0001a2a9"
                                      "cb007107"));
  EXPECT_EQ(server_->counters().answered_rfc3489, 1U);
  EXPECT_TRUE(Ask(kRfc3489Request, kClient6).empty()) << "IPv4 only";
  EXPECT_EQ(server_->counters().refused_rfc3489, 1U);
}

TEST_F(StunServerTest, IgnoresRfc3489RequestsThatWantMore) {
  Configure({.answers_rfc3489 = true});
  const std::string id = "a1a2a3a4a5a6a7a8a9aaabacadaeafb0";
  EXPECT_FALSE(Ask(Hex("00010008" + id + "0003000400000000")).empty());
  EXPECT_TRUE(Ask(Hex("00010008" + id + "0003000400000006")).empty());
  EXPECT_TRUE(Ask(Hex("0001000c" + id + "000200080001a2a9cb007107")).empty())
      << "RESPONSE-ADDRESS would make this a reflector";
  EXPECT_TRUE(Ask(Hex("00010004" + id)).empty()) << "length";
  EXPECT_TRUE(Ask(Hex("01010000" + id)).empty()) << "a response";
}

TEST_F(StunServerTest, AnswersABatch) {
  Configure({});
  PacketBatch requests;
  requests.AppendCopy(Request(),
                      {.remote = kClient, .local = kLocal, .tag = 7});
  requests.AppendCopy(Bytes(5), {.remote = kClient, .local = kLocal});
  requests.AppendCopy(Request(), {.remote = kClient6, .local = kLocal});
  PacketBatch responses;
  server_->HandleDatagrams(kStart, requests, responses);
  ASSERT_EQ(responses.size(), 2U);
  EXPECT_EQ(Bytes(responses.bytes(0).begin(), responses.bytes(0).end()),
            Tailscale("ipv4_response"));
  EXPECT_EQ(responses.meta(0).remote, kClient);
  EXPECT_EQ(responses.meta(0).local, kLocal);
  EXPECT_EQ(responses.meta(0).tag, 7U);
  EXPECT_EQ(responses.meta(1).remote, kClient6);
}

TEST_F(StunServerTest, StaysSilentWhenTheBufferIsTooSmall) {
  Configure({});
  std::array<uint8_t, 31> out;
  EXPECT_EQ(
      server_->HandleDatagram(kStart, kLocal, kClient, Request(), out).size,
      0U);
  EXPECT_EQ(server_->counters().too_long, 1U);
}

}  // namespace
}  // namespace natkit::stun
