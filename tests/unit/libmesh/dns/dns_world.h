#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "natkit/base/rng.h"
#include "natkit/mesh/dns/dns_message.h"
#include "natkit/mesh/dns/dns_server.h"

namespace natkit::dns {

inline Name N(std::string_view text) {
  return *Name::FromText(text);
}

inline Endpoint E(std::string_view text) {
  return *Endpoint::Parse(text);
}

inline IpAddress A(std::string_view text) {
  return *IpAddress::Parse(text);
}

inline const Endpoint kOwn = E("100.64.0.1:53");
inline const Endpoint kClient = E("127.0.0.1:40000");
inline const Endpoint kFirst = E("192.0.2.1:53");
inline const Endpoint kSecond = E("192.0.2.2:53");
inline const Endpoint kCorp = E("10.0.0.53:53");

/// A question on its way to a resolver.
struct Asked {
  ExchangeId exchange{};
  Endpoint to;
  bool is_stream = false;
  Message message;
};

/// A server with two hosts, one split route and two resolvers, and all that it
/// has put out.
class DnsWorld {
 public:
  DnsWorld() { Configure(Config()); }

  static DnsConfig Config() {
    DnsConfig config;
    config.domain = "corp.mesh";
    config.hosts = {
        {.name = "web", .addresses = {A("100.64.0.7"), A("fd00::7")}},
        {.name = "db.eu", .addresses = {A("100.64.0.8")}}};
    config.routes = {{.suffix = "example.com", .resolvers = {kCorp}}};
    config.resolvers = {kFirst, kSecond};
    config.own = {kOwn};
    return config;
  }

  void Configure(const DnsConfig& config) {
    ASSERT_TRUE(server.SetConfig(config).has_value());
  }

  static Message Query(std::string_view name, RecordType type = RecordType::kA,
                       uint16_t id = 77) {
    Message message;
    message.header = {.id = id, .recursion_desired = true};
    message.question = {.name = N(name), .type = type};
    return message;
  }

  void SendFrom(const Endpoint& client, const Message& query) {
    server.HandleDatagram(now, kOwn, client, *BuildMessage(query));
    Drain();
  }

  void Send(const Message& query) { SendFrom(kClient, query); }

  /// The one answer that came; fails the test if there is none.
  Message TakeReply() {
    if (replies.empty()) {
      ADD_FAILURE() << "no reply";
      return {};
    }
    const auto message = ParseMessage(replies.front().payload);
    replies.erase(replies.begin());
    EXPECT_TRUE(message.has_value());
    return message.value_or(Message{});
  }

  Message Ask(std::string_view name, RecordType type = RecordType::kA) {
    Send(Query(name, type));
    return TakeReply();
  }

  Asked TakeAsked() {
    if (asked.empty()) {
      ADD_FAILURE() << "nobody was asked";
      return {};
    }
    const Asked first = asked.front();
    asked.erase(asked.begin());
    return first;
  }

  /// A good answer to `question` with one address.
  static Message Good(const Asked& question) {
    Message message = question.message;
    message.header.is_response = true;
    message.header.recursion_available = true;
    message.answers = {{.name = message.question.name,
                        .type = RecordType::kA,
                        .ttl = 30,
                        .data = A("198.51.100.1")}};
    return message;
  }

  static Message Bad(const Asked& question, Rcode rcode) {
    Message message = question.message;
    message.header.is_response = true;
    message.set_rcode(rcode);
    return message;
  }

  void Respond(const Asked& question, const Message& response) {
    const auto bytes = *BuildMessage(response);
    if (question.is_stream) {
      server.HandleUpstreamMessage(now, question.exchange, bytes);
    } else {
      server.HandleUpstreamDatagram(now, question.exchange, question.to, bytes);
    }
    Drain();
  }

  void Fail(const Asked& question) {
    server.HandleUpstreamFailed(now, question.exchange);
    Drain();
  }

  /// Goes to the next timeout.
  void Wait() {
    const auto next = server.NextTimeout();
    ASSERT_TRUE(next.has_value());
    now = *next;
    server.HandleTimeout(now);
    Drain();
  }

  void Drain() {
    while (auto transmit = server.PollTransmit()) {
      std::visit([this](auto& what) { Take(what); }, *transmit);
    }
    while (const auto event = server.PollEvent()) {
      if (const auto* end = std::get_if<ExchangeEnded>(&*event)) {
        ended.push_back(end->exchange);
      } else {
        changes.push_back(std::get<ResolverChanged>(*event));
      }
    }
  }

  SeededRng rng{1};
  DnsServer server{rng};
  Instant now{};
  std::vector<ClientDatagram> replies;
  std::vector<ClientStreamBytes> stream_replies;
  std::vector<Asked> asked;
  std::vector<ExchangeId> ended;
  std::vector<ResolverChanged> changes;

 private:
  void Take(ClientDatagram& reply) { replies.push_back(std::move(reply)); }

  void Take(ClientStreamBytes& reply) {
    stream_replies.push_back(std::move(reply));
  }

  void Take(const UpstreamDatagram& out) {
    asked.push_back({out.exchange, out.to, false, *ParseMessage(out.payload)});
  }

  void Take(const UpstreamStreamBytes& out) {
    asked.push_back({out.exchange, out.to, true,
                     *ParseMessage(ByteView(out.bytes).subspan(2))});
  }
};

}  // namespace natkit::dns
