#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <functional>
#include <optional>

#include "hex.h"
#include "natkit/nat/port_sampler.h"
#include "natkit/nat/stun_binding_client.h"
#include "natkit/nat/stun_message_builder.h"
#include "natkit/nat/stun_server.h"
#include "natkit/nat/stun_vendor.h"
#include "vector_file.h"

namespace natkit::stun {
namespace {

using namespace std::chrono_literals;
using testing::Bytes;
using testing::Hex;
using testing::VectorFile;

const IpAddress kA1 = IpAddress::V4(198, 51, 100, 1);
const IpAddress kA2 = IpAddress::V4(198, 51, 100, 2);
constexpr uint16_t kP1 = 3478;
constexpr uint16_t kP2 = 3479;
const Endpoint kClient = *Endpoint::Parse("203.0.113.7:41641");
const TransactionId kId{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}};

using Fill = std::function<void(MessageBuilder&)>;

Bytes Request(const Fill& fill = {}) {
  std::array<uint8_t, 2048> buffer;
  MessageBuilder builder(buffer, kBindingRequest, kId);
  if (fill) {
    fill(builder);
  }
  const auto message = builder.Finish();
  return {message->begin(), message->end()};
}

Fill Change(bool ip, bool port) {
  return [=](MessageBuilder& out) {
    out.Add<attr::ChangeRequest>({.change_ip = ip, .change_port = port});
  };
}

Fill ToPort(uint16_t port) {
  return [=](MessageBuilder& out) { out.Add<attr::ResponsePort>(port); };
}

Fill Padded(size_t size) {
  return [=](MessageBuilder& out) { out.Add<attr::Padding>(Bytes(size, 7)); };
}

ServerConfig TwoAddresses() {
  ServerConfig config;
  config.rate_limit.reset();
  config.discovery.emplace();
  config.discovery->endpoints.push_back(
      {.addresses = {kA1, kA2}, .ports = {kP1, kP2}, .advertised = {}});
  return config;
}

class StunServerDiscovery : public ::testing::Test {
 protected:
  void Configure(ServerConfig config) {
    SeededRng rng(1);
    server_.emplace(std::move(config), rng);
  }

  void Ask(const Bytes& datagram, const Endpoint& from = kClient,
           const Endpoint& local = {.address = kA1, .port = kP1}) {
    out_.assign(StunServer::kMaxResponseSize, 0);
    reply_ = server_->HandleDatagram(now_, local, from, datagram, out_);
    out_.resize(reply_.size);
    message_.reset();
    if (const auto parsed = Message::Parse(out_)) {
      message_ = *parsed;
    }
  }

  void ExpectError(ErrorCode code) {
    ASSERT_TRUE(message_);
    EXPECT_EQ(message_->type(), kBindingError);
    EXPECT_EQ(message_->Get<attr::ErrorCode>()->code, code);
    EXPECT_EQ(reply_.to, kClient);
  }

  void ExpectSuccess() {
    ASSERT_TRUE(message_);
    EXPECT_EQ(message_->type(), kBindingSuccess);
  }

  Instant now_{};
  std::optional<StunServer> server_;
  Bytes out_;
  ServerReply reply_;
  std::optional<Message> message_;
};

// The table of RFC 5780 section 6.1, from each of the four endpoints.
TEST_F(StunServerDiscovery, AnswersFromTheEndpointThatWasAskedFor) {
  Configure(TwoAddresses());
  for (const auto& [here, there] : {std::pair{kA1, kA2}, {kA2, kA1}}) {
    for (const auto& [port, other] : {std::pair{kP1, kP2}, {kP2, kP1}}) {
      for (const bool ip : {false, true}) {
        for (const bool change_port : {false, true}) {
          Ask(Request(Change(ip, change_port)), kClient, {here, port});
          ExpectSuccess();
          const Endpoint source{ip ? there : here, change_port ? other : port};
          EXPECT_EQ(reply_.from, source);
          EXPECT_EQ(reply_.to, kClient);
          EXPECT_EQ(message_->Get<attr::ResponseOrigin>(), source);
          EXPECT_EQ(message_->Get<attr::OtherAddress>(),
                    (Endpoint{there, other}));
          EXPECT_EQ(message_->GetXorMappedAddress(), kClient);
          EXPECT_EQ(message_->Get<attr::MappedAddress>(), kClient);
        }
      }
    }
  }
  EXPECT_EQ(server_->counters().changed, 12U);
}

TEST_F(StunServerDiscovery, BehindAOneToOneNatItAdvertisesOutsideAddresses) {
  ServerConfig config = TwoAddresses();
  config.discovery->endpoints[0].advertised = {IpAddress::V4(192, 0, 2, 1),
                                               IpAddress::V4(192, 0, 2, 2)};
  Configure(std::move(config));
  Ask(Request(Change(true, false)));
  EXPECT_EQ(reply_.from, (Endpoint{kA2, kP1}));
  EXPECT_EQ(message_->Get<attr::ResponseOrigin>(),
            *Endpoint::Parse("192.0.2.2:3478"));
  EXPECT_EQ(message_->Get<attr::OtherAddress>(),
            *Endpoint::Parse("192.0.2.2:3479"));
}

TEST_F(StunServerDiscovery, EachFamilyHasItsOwnFour) {
  ServerConfig config = TwoAddresses();
  config.discovery->endpoints.push_back(
      {.addresses = {*IpAddress::Parse("2001:db8::1"),
                     *IpAddress::Parse("2001:db8::2")},
       .ports = {kP1, kP2},
       .advertised = {}});
  Configure(std::move(config));
  Ask(Request(Change(true, true)), *Endpoint::Parse("[2001:db8:1::7]:4000"),
      *Endpoint::Parse("[2001:db8::1]:3478"));
  EXPECT_EQ(reply_.from, *Endpoint::Parse("[2001:db8::2]:3479"));
}

TEST_F(StunServerDiscovery, OneAddressAloneNamesNoOtherAndRefusesToChange) {
  Configure(TwoAddresses());
  const Endpoint third{IpAddress::V4(198, 51, 100, 3), kP1};
  Ask(Request(), kClient, third);
  ExpectSuccess();
  EXPECT_EQ(message_->Get<attr::ResponseOrigin>(), third);
  EXPECT_FALSE(message_->Has(AttributeType::kOtherAddress));
  Ask(Request(Change(false, true)), kClient, third);
  ExpectError(ErrorCode::kUnknownAttribute);
  Ask(Request(Change(false, false)), kClient, third);
  ExpectSuccess();
}

TEST_F(StunServerDiscovery, ResponsePortNeedsAPlainRequestBefore) {
  Configure(TwoAddresses());
  Ask(Request(ToPort(5000)));
  ExpectError(ErrorCode::kForbidden);
  Ask(Request());
  ExpectSuccess();
  Ask(Request(ToPort(5000)));
  ExpectSuccess();
  EXPECT_EQ(reply_.to, (Endpoint{kClient.address, 5000}));
  EXPECT_EQ(message_->GetXorMappedAddress(), kClient);
  EXPECT_EQ(server_->counters().redirected, 1U);
}

TEST_F(StunServerDiscovery, ResponsePortReadsBothLengths) {
  Configure(TwoAddresses());
  Ask(Request());
  Ask(Request([](MessageBuilder& out) {
    out.AddRaw(AttributeType::kResponsePort, Hex("1388"));
  }));
  EXPECT_EQ(reply_.to.port, 5000);
  Ask(Request([](MessageBuilder& out) {
    out.AddRaw(AttributeType::kResponsePort, Hex("138800"));
  }));
  ExpectError(ErrorCode::kBadRequest);
}

TEST_F(StunServerDiscovery, ResponsePortIsOncePerTwoSecondsAndForTenMinutes) {
  Configure(TwoAddresses());
  Ask(Request());
  for (int burst = 0; burst < 3; ++burst) {
    Ask(Request(ToPort(5000)));
    ExpectSuccess();
  }
  now_ += 1999ms;
  Ask(Request(ToPort(5001)));
  ExpectError(ErrorCode::kForbidden);
  now_ += 1ms;
  Ask(Request(ToPort(5001)));
  ExpectSuccess();
  Ask(Request(ToPort(5001)));
  ExpectError(ErrorCode::kForbidden);
  now_ = Instant{} + 10min;
  Ask(Request(ToPort(5000)));
  ExpectError(ErrorCode::kForbidden);
}

TEST_F(StunServerDiscovery, ResponsePortNeverGoesToServices) {
  Configure(TwoAddresses());
  Ask(Request());
  for (const uint16_t port :
       std::to_array<uint16_t>({0, 22, 53, 1023, 1900, 3478})) {
    Ask(Request(ToPort(port)));
    ExpectError(ErrorCode::kForbidden);
  }
  EXPECT_EQ(server_->counters().refused_discovery, 6U);
}

TEST_F(StunServerDiscovery, PaddingMakesTheResponseAsLongAsTheRequest) {
  Configure(TwoAddresses());
  Ask(Request(Padded(1640)));
  ExpectSuccess();
  EXPECT_EQ(out_.size(), 1664U);
  EXPECT_TRUE(message_->Has(AttributeType::kPadding));
  Ask(Request(Padded(8)));
  ExpectSuccess();
  EXPECT_FALSE(message_->Has(AttributeType::kPadding));
  Ask(Request([](MessageBuilder& out) {
    out.Add<attr::Padding>(Bytes(100)).AddFingerprint();
  }));
  EXPECT_EQ(out_.size(), 132U);
  EXPECT_TRUE(message_->has_fingerprint());
  EXPECT_EQ(server_->counters().padded, 2U);
}

TEST_F(StunServerDiscovery, PaddingStopsAtTheLongestResponse) {
  Configure(TwoAddresses());
  Bytes request = Hex("0001f00c2112a4420102030405060708090a0b0c0026f008");
  request.resize(20 + 0xf00c);
  Ask(request);
  EXPECT_EQ(out_.size(), StunServer::kMaxResponseSize);
}

TEST_F(StunServerDiscovery, PaddingWithResponsePortIsABadRequest) {
  Configure(TwoAddresses());
  Ask(Request());
  Ask(Request([](MessageBuilder& out) {
    out.Add<attr::Padding>(Bytes(100)).Add<attr::ResponsePort>(5000);
  }));
  ExpectError(ErrorCode::kBadRequest);
}

TEST_F(StunServerDiscovery, AClientMayAskForNoPaddingBack) {
  Configure(TwoAddresses());
  Ask(Request([](MessageBuilder& out) {
    out.Add<attr::Padding>(Bytes(1640))
        .Add<attr::ProbeOptions>({.do_not_pad_response = true});
  }));
  ExpectSuccess();
  EXPECT_EQ(out_.size(), 68U);
}

TEST_F(StunServerDiscovery, PaddingOfTheResponseAloneIsPaidInAdvance) {
  Configure(TwoAddresses());
  const Bytes padded_answer = Request([](MessageBuilder& out) {
    out.Add<attr::ProbeOptions>(
        {.pad_response_only = true, .response_size = 1700});
  });
  Ask(padded_answer);
  ExpectSuccess();
  EXPECT_FALSE(message_->Has(AttributeType::kPadding));
  const Bytes payment =
      Request([](MessageBuilder& out) { out.Add<attr::Filler>(Bytes(1200)); });
  Ask(payment);
  Ask(payment);
  Ask(padded_answer);
  EXPECT_EQ(out_.size(), 1700U);
  Ask(padded_answer);
  EXPECT_EQ(out_.size(), 68U) << "paid once";
}

TEST_F(StunServerDiscovery, EchoesADigestOfTheRequest) {
  Configure(TwoAddresses());
  const auto asking = [](size_t filler) {
    return Request([=](MessageBuilder& out) {
      out.Add<attr::ProbeOptions>({.echo_digest = true})
          .Add<attr::Filler>(Bytes(filler, 9));
    });
  };
  Ask(asking(100));
  EXPECT_EQ(message_->Get<attr::RequestDigest>(), attr::DigestOf(asking(100)));
  Ask(asking(0));
  EXPECT_FALSE(message_->Has(kRequestDigest)) << "longer than the request";
}

TEST_F(StunServerDiscovery, StreamsHaveNoRfc5780Requests) {
  Configure(TwoAddresses());
  const Endpoint local{kA1, kP1};
  const auto ask = [&](const Bytes& request) {
    out_.assign(StunServer::kMaxResponseSize, 0);
    out_.resize(
        server_->HandleStreamMessage(now_, local, kClient, request, out_));
    return *Message::Parse(out_);
  };
  EXPECT_EQ(ask(Request()).Get<attr::OtherAddress>(), (Endpoint{kA2, kP2}));
  for (const Fill& fill : {Change(true, false), ToPort(5000), Padded(200)}) {
    EXPECT_EQ(ask(Request(fill)).Get<attr::ErrorCode>()->code,
              ErrorCode::kBadRequest);
  }
  EXPECT_EQ(ask(Request(Change(false, false))).type(), kBindingSuccess);
}

TEST_F(StunServerDiscovery, TailscalesClientsStillGet32Bytes) {
  Configure(TwoAddresses());
  const VectorFile vectors("stun_tailscale.txt");
  Ask(vectors.Get("request"));
  EXPECT_EQ(out_, vectors.Get("ipv4_response"));
}

TEST_F(StunServerDiscovery, ItsOwnEndpointsAreNoSources) {
  Configure(TwoAddresses());
  Ask(Request(), {kA2, kP2});
  EXPECT_EQ(reply_.size, 0U);
  EXPECT_EQ(server_->counters().refused_source, 1U);
}

TEST_F(StunServerDiscovery, ADualStackSocketHasTheFourToo) {
  Configure(TwoAddresses());
  const Endpoint mapped{kClient.address.MappedToV6(), kClient.port};
  Ask(Request(Change(true, true)), mapped, {kA1.MappedToV6(), kP1});
  EXPECT_EQ(reply_.from, (Endpoint{kA2, kP2}));
  EXPECT_EQ(reply_.to, mapped);
}

TEST_F(StunServerDiscovery, AnswersRfc3489ClientsFromTheOtherAddress) {
  ServerConfig config = TwoAddresses();
  config.answers_rfc3489 = true;
  Configure(std::move(config));
  const std::string id = "a1a2a3a4a5a6a7a8a9aaabacadaeafb0";
  Ask(Hex("00010008" + id + "0003000400000006"));
  EXPECT_EQ(reply_.from, (Endpoint{kA2, kP2}));
  EXPECT_EQ(out_, Hex("01010024" + id +
                      "000100080001a2a9cb007107"
                      "0004000800010d97c6336402"
                      "0005000800010d97c6336402"));
}

/// Silence would look like a filter of the client's NAT.
TEST_F(StunServerDiscovery, AChangeThatIsNotPaidForIsRefusedAloud) {
  for (const auto policy :
       {AmplificationPolicy::kBalanced, AmplificationPolicy::kNone}) {
    ServerConfig config = TwoAddresses();
    config.amplification = policy;
    Configure(std::move(config));
    int refused = 0;
    for (int i = 0; i < 100; ++i) {
      const Bytes request = Request(Change(true, i % 2 == 0));
      Ask(request);
      ASSERT_TRUE(message_);
      if (message_->type() == kBindingError) {
        ++refused;
        ExpectError(ErrorCode::kInsufficientCapacity);
        EXPECT_EQ(reply_.from, (Endpoint{kA1, kP1}));
        EXPECT_LE(out_.size(), request.size());
      }
      const ServerCounters& counters = server_->counters();
      EXPECT_LE(counters.sent_bytes,
                counters.received_bytes + nat::SourceLedger::kAllowance);
    }
    EXPECT_EQ(server_->counters().refused_discovery,
              static_cast<uint64_t>(refused));
    EXPECT_GE(refused, policy == AmplificationPolicy::kNone ? 100 : 50);
  }
}

TEST_F(StunServerDiscovery, BalancedNeverSendsMoreThanItGot) {
  ServerConfig config = TwoAddresses();
  config.amplification = AmplificationPolicy::kBalanced;
  Configure(std::move(config));
  Ask(Request());
  EXPECT_EQ(out_.size(), 68U) << "the first request is answered";
  for (int i = 0; i < 1000; ++i) {
    Ask(Request());
    const ServerCounters& counters = server_->counters();
    ASSERT_LE(counters.sent_bytes,
              counters.received_bytes + nat::SourceLedger::kAllowance);
  }
  EXPECT_GT(server_->counters().answered, 290U) << "20 of 68 bytes";
}

TEST_F(StunServerDiscovery, BalancedAnswersEveryLongRequest) {
  ServerConfig config = TwoAddresses();
  config.amplification = AmplificationPolicy::kBalanced;
  Configure(std::move(config));
  for (int i = 0; i < 100; ++i) {
    Ask(Request([](MessageBuilder& out) { out.Add<attr::Filler>(Bytes(44)); }));
    EXPECT_EQ(out_.size(), 68U);
  }
}

TEST_F(StunServerDiscovery, BalancedAnswersOurClientsEveryTime) {
  ServerConfig config = TwoAddresses();
  const IpAddress v6 = *IpAddress::Parse("2001:db8::1");
  config.discovery->endpoints.push_back(
      {.addresses = {v6, *IpAddress::Parse("2001:db8::2")},
       .ports = {kP1, kP2},
       .advertised = {}});
  config.amplification = AmplificationPolicy::kBalanced;
  Configure(std::move(config));
  SeededRng rng(5);
  const Endpoint client6 = *Endpoint::Parse("[2001:db8:7::7]:41641");
  for (int i = 0; i < 200; ++i) {
    const bool is_v4 = i % 2 == 0;
    const Endpoint server{is_v4 ? kA1 : v6, kP1};
    BindingClient client(server, rng, {.sends_fingerprint = i % 4 < 2});
    client.Start(now_);
    Ask(client.PollTransmit()->payload, is_v4 ? kClient : client6, server);
    ExpectSuccess();
    EXPECT_TRUE(client.HandleDatagram(now_, server, out_));
  }
}

TEST_F(StunServerDiscovery, BalancedAnswersEverySampleOfPorts) {
  ServerConfig config = TwoAddresses();
  config.amplification = AmplificationPolicy::kBalanced;
  Configure(std::move(config));
  SeededRng rng(5);
  nat::PortSampler sampler(rng);
  const Endpoint server{kA1, kP1};
  const Endpoint base = *Endpoint::Parse("192.0.2.1:5000");
  for (size_t i = 0; i < nat::kMaxPortSamples; ++i) {
    ASSERT_TRUE(sampler.Add(now_, base, server));
  }
  size_t asked = 0;
  while (!sampler.is_done()) {
    while (const auto transmit = sampler.PollTransmit()) {
      Ask(transmit->payload);
      ++asked;
      ExpectSuccess();
      EXPECT_TRUE(sampler.HandleDatagram(now_, base, server, out_));
    }
    now_ = sampler.NextTimeout().value_or(now_);
    sampler.HandleTimeout(now_);
  }
  EXPECT_EQ(asked, nat::kMaxPortSamples) << "nothing was asked twice";
}

// What a flood of forged sources may cost: nothing but the tables.
TEST_F(StunServerDiscovery, AFloodOfForgedSourcesGetsNoMoreThanItSends) {
  ServerConfig config = TwoAddresses();
  config.amplification = AmplificationPolicy::kBalanced;
  config.rate_limit = nat::RateLimit{};
  config.ledger_buckets = 64;
  Configure(std::move(config));
  SeededRng rng(3);
  for (int i = 0; i < 20000; ++i) {
    const auto host = static_cast<uint8_t>(rng.Below(256));
    const auto net = static_cast<uint8_t>(rng.Below(256));
    const auto port = static_cast<uint16_t>(1024 + rng.Below(60000));
    const auto kind = rng.Below(4);
    Bytes request = Request(kind == 0   ? Change(true, true)
                            : kind == 1 ? ToPort(port)
                                        : Fill{});
    if (kind == 2) {
      rng.Fill(request);
    }
    Ask(request, {IpAddress::V4(100, 1, net, host), port});
    now_ += 1ms;
  }
  const ServerCounters& counters = server_->counters();
  EXPECT_LE(counters.sent_bytes, counters.received_bytes + 64 * 48);
  EXPECT_GT(counters.answered, 0U);
}

TEST_F(StunServerDiscovery, ProbeOptionsRoundTrip) {
  const attr::ProbeOptionsValue value{
      .pad_response_only = true, .echo_digest = true, .response_size = 1700};
  const Bytes request =
      Request([&](MessageBuilder& out) { out.Add<attr::ProbeOptions>(value); });
  EXPECT_EQ(Message::Parse(request)->Get<attr::ProbeOptions>(), value);
  EXPECT_EQ(request.size(), 28U);
}

}  // namespace
}  // namespace natkit::stun
