// A server answers with well-formed responses of bounded size, never answers
// its own answers, and counts every datagram once.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "natkit/base/check.h"
#include "natkit/nat/stun_server.h"
#include "stun_repair.h"

namespace natkit::stun {
namespace {

const Endpoint kLocal{.address = IpAddress::V4(198, 51, 100, 1), .port = 3478};

const DiscoveryEndpoints kFour{
    .addresses = {kLocal.address, IpAddress::V4(198, 51, 100, 2)},
    .ports = {3478, 3479},
    .advertised = {}};

/// The first byte of the input chooses, a bit each; two of them together are
/// long-term credentials.
ServerConfig MakeConfig(uint8_t bits) {
  ServerConfig config;
  config.rate_limit->bucket_count = 8;
  config.ledger_buckets = 8;
  if ((bits & 0x01) != 0) {
    config.requests = RequestPolicy::kTailnodeOnly;
  }
  if ((bits & 0x12) == 0x02) {
    config.amplification = AmplificationPolicy::kNone;
  }
  if ((bits & 0x04) != 0) {
    config.software = "natkit";
  }
  config.answers_rfc3489 = (bits & 0x08) != 0;
  if ((bits & 0x12) == 0x12) {
    config.long_term = LongTermUsers{.realm = "example.org"};
    config.long_term->users.push_back(
        *LongTermCredentials::Prepare("alice", "a secret"));
    config.alternate_server =
        Endpoint{.address = IpAddress::V4(198, 51, 100, 9), .port = 3478};
  } else if ((bits & 0x10) != 0) {
    config.credentials.push_back(
        {.username = "evtj:h6vY",
         .key = *IntegrityKey::ShortTerm("VOkJxbRl1RmTxUk/WvJxBt")});
  }
  if ((bits & 0x40) != 0) {
    config.discovery.emplace();
    config.discovery->endpoints.push_back(kFour);
    config.discovery->response_port.bucket_count = 8;
  }
  if ((bits & 0x80) != 0) {
    config.amplification = AmplificationPolicy::kBalanced;
  }
  return config;
}

Endpoint MakeSource(uint8_t bits) {
  return (bits & 0x20) != 0 ? *Endpoint::Parse("[2001:db8::7]:41641")
                            : Endpoint{.address = IpAddress::V4(203, 0, 113, 7),
                                       .port = 41641};
}

uint64_t CountOutcomes(const ServerCounters& counters) {
  return counters.answered + counters.answered_rfc3489 +
         counters.unknown_attribute + counters.unauthenticated +
         counters.sent_elsewhere + counters.refused_rfc3489 +
         counters.refused_discovery + counters.not_stun +
         counters.not_a_request + counters.refused_form +
         counters.refused_source + counters.rate_limited + counters.too_long;
}

/// Bytes that the policy of `bits` lets a source be ahead; nullopt: any.
std::optional<size_t> AllowanceOf(uint8_t bits) {
  if ((bits & 0x80) != 0) {
    return nat::SourceLedger::kAllowance;
  }
  return (bits & 0x12) == 0x02 ? std::optional<size_t>(0) : std::nullopt;
}

void CheckResponse(ByteView request, ByteView response, uint8_t bits) {
  if (const auto allowance = AllowanceOf(bits)) {
    NATKIT_CHECK(response.size() <= request.size() + *allowance);
  }
  const auto asked = Message::Parse(request);
  const auto answer = Message::Parse(response);
  if (!asked) {
    NATKIT_CHECK((bits & 0x08) != 0 &&
                 response.size() == ((bits & 0x40) != 0 ? 56 : 32));
    return;
  }
  static constexpr std::array kOfRfc5780 = {AttributeType::kPadding};
  NATKIT_CHECK(asked->type() == kBindingRequest);
  NATKIT_CHECK(answer.has_value() && answer->id() == asked->id());
  NATKIT_CHECK(answer->type() == kBindingSuccess ||
               answer->type() == kBindingError);
  NATKIT_CHECK(answer->FindUnknownRequired(kOfRfc5780).is_empty());
  NATKIT_CHECK(!answer->Has(AttributeType::kPadding) ||
               response.size() <= request.size());
}

void CheckWay(const ServerReply& reply, const Endpoint& source) {
  NATKIT_CHECK(reply.to.address == source.address);
  NATKIT_CHECK(reply.to.port == source.port || reply.to.port >= 1024);
  NATKIT_CHECK(kFour.Find(reply.from).has_value());
}

void Ask(uint8_t bits, ByteView datagram) {
  SeededRng rng(bits);
  StunServer server(MakeConfig(bits), rng);
  const Endpoint source = MakeSource(bits);
  std::array<uint8_t, StunServer::kMaxResponseSize> out;
  const ServerReply reply =
      server.HandleDatagram(Instant{}, kLocal, source, datagram, out);
  if (reply.size > 0) {
    const auto response = ByteView(out).first(reply.size);
    CheckWay(reply, source);
    CheckResponse(datagram, response, bits);
    std::array<uint8_t, StunServer::kMaxResponseSize> again;
    NATKIT_CHECK(
        server.HandleDatagram(Instant{}, kLocal, source, response, again)
            .size == 0);
  }
  (void)server.HandleStreamMessage(Instant{}, kLocal, source, datagram, out);
  NATKIT_CHECK(server.counters().received == CountOutcomes(server.counters()));
}

}  // namespace
}  // namespace natkit::stun

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) {
    return 0;
  }
  const natkit::ByteView datagram(data + 1, size - 1);
  natkit::stun::Ask(data[0], datagram);
  natkit::stun::Ask(data[0], natkit::stun::fuzz::Repair(datagram));
  return 0;
}
