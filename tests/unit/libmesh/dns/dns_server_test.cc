#include "natkit/mesh/dns/dns_server.h"

#include <gtest/gtest.h>

#include <chrono>
#include <set>

#include "dns_world.h"
#include "natkit/mesh/dns/dns_stream.h"

namespace natkit::dns {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(DnsServer, ForwardsWithAnIdOfItsOwnAndRestoresTheClients) {
  DnsWorld world;
  Message query = DnsWorld::Query("WwW.ExAmPlE.nEt");
  query.header.checking_disabled = true;
  world.Send(query);
  const Asked asked = world.TakeAsked();
  EXPECT_EQ(asked.to, kFirst);
  EXPECT_NE(asked.message.header.id, 77);
  EXPECT_TRUE(asked.message.header.recursion_desired);
  EXPECT_TRUE(asked.message.header.checking_disabled);
  EXPECT_FALSE(asked.message.edns.has_value());
  Message good = DnsWorld::Good(asked);
  good.question.name = good.question.name.Folded();
  good.header.is_authoritative = true;
  good.header.authentic_data = true;
  world.Respond(asked, good);
  const Message reply = world.TakeReply();
  EXPECT_EQ(reply.header.id, 77);
  EXPECT_TRUE(reply.header.recursion_available);
  EXPECT_TRUE(reply.header.checking_disabled);
  EXPECT_FALSE(reply.header.is_authoritative);
  EXPECT_FALSE(reply.header.authentic_data);
  EXPECT_TRUE(reply.question.name.IsSpelledLike(N("WwW.ExAmPlE.nEt")));
  EXPECT_EQ(reply.answers.size(), 1U);
  EXPECT_EQ(world.ended, std::vector{asked.exchange});
  EXPECT_EQ(world.server.questions_under_way(), 0U);
  EXPECT_FALSE(world.server.NextTimeout().has_value());
}

TEST(DnsServer, TheLongestSuffixDecides) {
  DnsConfig config = DnsWorld::Config();
  config.routes.push_back(
      {.suffix = "deep.EXAMPLE.com.", .resolvers = {kSecond}});
  DnsWorld world;
  world.Configure(config);
  world.Send(DnsWorld::Query("a.example.com"));
  EXPECT_EQ(world.TakeAsked().to, kCorp);
  world.Send(DnsWorld::Query("Example.COM"));
  EXPECT_EQ(world.TakeAsked().to, kCorp);
  world.Send(DnsWorld::Query("x.deep.example.com"));
  EXPECT_EQ(world.TakeAsked().to, kSecond);
  world.Send(DnsWorld::Query("notexample.com"));
  EXPECT_EQ(world.TakeAsked().to, kFirst);
}

TEST(DnsServer, ARouteForTheRootReplacesTheDefaultResolvers) {
  DnsConfig config = DnsWorld::Config();
  config.routes.push_back({.suffix = ".", .resolvers = {kSecond}});
  DnsWorld world;
  world.Configure(config);
  world.Send(DnsWorld::Query("example.org"));
  EXPECT_EQ(world.TakeAsked().to, kSecond);
}

TEST(DnsServer, ExplainsWhereAQuestionGoes) {
  DnsWorld world;
  const auto explain = [&world](const char* name) {
    return world.server.Explain(world.now, {.name = N(name)});
  };
  EXPECT_TRUE(explain("web").is_local);
  EXPECT_TRUE(explain("nobody.corp.mesh").is_local);
  EXPECT_EQ(explain("a.Example.com"),
            (DnsRoute{.suffix = N("example.com"), .resolvers = {kCorp}}));
  EXPECT_EQ(explain("example.org"),
            (DnsRoute{.suffix = {}, .resolvers = {kFirst, kSecond}}));
  world.Send(DnsWorld::Query("example.org"));
  world.Wait();  // the first one fails
  EXPECT_EQ(explain("example.org").resolvers, (std::vector{kSecond, kFirst}));
}

TEST(DnsServer, DefaultResolversChangeAlone) {
  DnsWorld world;
  EXPECT_TRUE(world.server.SetHost({.name = "new", .addresses = {}}));
  EXPECT_TRUE(world.server.SetResolvers({kOwn, kSecond}).has_value());
  world.Send(DnsWorld::Query("example.org"));
  EXPECT_EQ(world.TakeAsked().to, kSecond);
  world.Send(DnsWorld::Query("a.example.com"));
  EXPECT_EQ(world.TakeAsked().to, kCorp);
  EXPECT_EQ(world.Ask("new").rcode(), Rcode::kNoError);
  DnsServer fresh(world.rng);
  EXPECT_FALSE(fresh.SetResolvers({kFirst}).has_value());
}

TEST(DnsServer, SilentResolversAreFollowedByTheNextUntilServfail) {
  DnsWorld world;
  world.Send(DnsWorld::Query("example.org"));
  std::vector<Endpoint> to{world.TakeAsked().to};
  std::vector<Instant> at{world.now};
  while (world.replies.empty()) {
    world.Wait();
    if (!world.asked.empty()) {
      to.push_back(world.TakeAsked().to);
      at.push_back(world.now);
    }
  }
  EXPECT_EQ(to, (std::vector{kFirst, kSecond, kFirst}));
  EXPECT_EQ(at, (std::vector{Instant{}, Instant{milliseconds(1500)},
                             Instant{seconds(3)}}));
  EXPECT_EQ(world.now, Instant{milliseconds(4500)});
  EXPECT_EQ(world.TakeReply().rcode(), Rcode::kServFail);
  EXPECT_EQ(world.ended.size(), 3U);
  EXPECT_EQ(world.server.counters().failed, 1U);
}

TEST(DnsServer, ALateAnswerOfTheResolverBeforeStillCounts) {
  DnsWorld world;
  world.Send(DnsWorld::Query("example.org"));
  const Asked first = world.TakeAsked();
  world.Wait();
  EXPECT_EQ(world.TakeAsked().to, kSecond);
  world.Respond(first, DnsWorld::Good(first));
  EXPECT_EQ(world.TakeReply().rcode(), Rcode::kNoError);
  EXPECT_EQ(world.ended.size(), 2U);
}

TEST(DnsServer, AResolverThatFailedComesLastForAWhile) {
  DnsWorld world;
  world.Send(DnsWorld::Query("a.example.org"));
  world.TakeAsked();
  world.Wait();
  const Asked second = world.TakeAsked();
  world.Respond(second, DnsWorld::Good(second));
  EXPECT_EQ(world.changes, (std::vector{ResolverChanged{
                               .resolver = kFirst, .is_answering = false}}));
  world.Send(DnsWorld::Query("b.example.org"));
  EXPECT_EQ(world.TakeAsked().to, kSecond);
  world.now += seconds(6);
  world.Send(DnsWorld::Query("c.example.org"));
  const Asked again = world.TakeAsked();
  EXPECT_EQ(again.to, kFirst);
  world.Respond(again, DnsWorld::Good(again));
  EXPECT_EQ(world.changes.back(),
            (ResolverChanged{.resolver = kFirst, .is_answering = true}));
}

TEST(DnsServer, AnErrorOfAResolverGoesToTheNextAndIsToldAtTheEnd) {
  DnsWorld world;
  world.Send(DnsWorld::Query("example.org"));
  const Asked first = world.TakeAsked();
  world.Respond(first, DnsWorld::Bad(first, Rcode::kServFail));
  const Asked second = world.TakeAsked();
  EXPECT_EQ(second.to, kSecond);
  EXPECT_TRUE(world.replies.empty());
  world.Respond(second, DnsWorld::Bad(second, Rcode::kRefused));
  EXPECT_EQ(world.TakeReply().rcode(), Rcode::kRefused);
}

TEST(DnsServer, NxdomainIsAnAnswer) {
  DnsWorld world;
  world.Send(DnsWorld::Query("example.org"));
  const Asked asked = world.TakeAsked();
  world.Respond(asked, DnsWorld::Bad(asked, Rcode::kNxDomain));
  EXPECT_EQ(world.TakeReply().rcode(), Rcode::kNxDomain);
}

TEST(DnsServer, AnUnreachableResolverIsLeftAtOnce) {
  DnsWorld world;
  world.Send(DnsWorld::Query("example.org"));
  world.Fail(world.TakeAsked());
  const Asked second = world.TakeAsked();
  EXPECT_EQ(second.to, kSecond);
  world.Fail(second);
  EXPECT_EQ(world.TakeReply().rcode(), Rcode::kServFail);
  EXPECT_EQ(world.now, Instant{});
}

TEST(DnsServer, OnlyTheAnswerToTheQuestionCounts) {
  DnsWorld world;
  world.Send(DnsWorld::Query("example.org"));
  const Asked asked = world.TakeAsked();
  const auto spoof = [&](const Endpoint& from, const Message& message) {
    world.server.HandleUpstreamDatagram(world.now, asked.exchange, from,
                                        *BuildMessage(message));
    world.Drain();
  };
  Message wrong_id = DnsWorld::Good(asked);
  ++wrong_id.header.id;
  Message wrong_name = DnsWorld::Good(asked);
  wrong_name.question.name = N("example.net");
  Message wrong_type = DnsWorld::Good(asked);
  wrong_type.question.type = RecordType::kAaaa;
  Message query = DnsWorld::Good(asked);
  query.header.is_response = false;
  spoof(E("192.0.2.1:5353"), DnsWorld::Good(asked));
  spoof(kSecond, DnsWorld::Good(asked));
  spoof(kFirst, wrong_id);
  spoof(kFirst, wrong_name);
  spoof(kFirst, wrong_type);
  spoof(kFirst, query);
  world.server.HandleUpstreamMessage(world.now, asked.exchange,
                                     *BuildMessage(DnsWorld::Good(asked)));
  world.server.HandleUpstreamDatagram(world.now, ExchangeId{999}, kFirst,
                                      *BuildMessage(DnsWorld::Good(asked)));
  EXPECT_TRUE(world.replies.empty());
  EXPECT_EQ(world.server.counters().bad_responses, 8U);
  world.Respond(asked, DnsWorld::Good(asked));
  EXPECT_EQ(world.TakeReply().rcode(), Rcode::kNoError);
}

TEST(DnsServer, ManyWrongResponsesEndInTcp) {
  DnsWorld world;
  world.Send(DnsWorld::Query("example.org"));
  const Asked asked = world.TakeAsked();
  Message wrong = DnsWorld::Good(asked);
  for (int i = 0; i < 10; ++i) {
    ++wrong.header.id;
    world.Respond(asked, wrong);
  }
  const Asked stream = world.TakeAsked();
  EXPECT_TRUE(stream.is_stream);
  EXPECT_EQ(stream.to, kFirst);
}

TEST(DnsServer, TruncationIsFollowedByTcp) {
  DnsWorld world;
  world.Send(DnsWorld::Query("example.org"));
  const Asked datagram = world.TakeAsked();
  Message truncated = DnsWorld::Bad(datagram, Rcode::kNoError);
  truncated.header.is_truncated = true;
  world.Respond(datagram, truncated);
  EXPECT_EQ(world.ended, std::vector{datagram.exchange});
  const Asked stream = world.TakeAsked();
  EXPECT_TRUE(stream.is_stream);
  EXPECT_EQ(stream.to, kFirst);
  world.Respond(stream, DnsWorld::Good(stream));
  EXPECT_EQ(world.TakeReply().answers.size(), 1U);
}

TEST(DnsServer, ATruncatedResponseCutInARecordIsFollowedByTcpToo) {
  DnsWorld world;
  world.Send(DnsWorld::Query("example.org"));
  const Asked asked = world.TakeAsked();
  Message truncated = DnsWorld::Good(asked);
  truncated.header.is_truncated = true;
  auto bytes = *BuildMessage(truncated);
  bytes.resize(bytes.size() - 3);
  world.server.HandleUpstreamDatagram(world.now, asked.exchange, asked.to,
                                      bytes);
  world.Drain();
  EXPECT_TRUE(world.TakeAsked().is_stream);
}

TEST(DnsServer, LargeAnswersAreTruncatedForDatagramsAndWholeOnStreams) {
  DnsWorld world;
  const Message query = DnsWorld::Query("example.org");
  world.Send(query);
  world.server.HandleStreamMessage(world.now, StreamId{4}, kClient,
                                   *BuildMessage(query));
  world.Drain();
  const Asked asked = world.TakeAsked();
  Message large = DnsWorld::Good(asked);
  large.answers.resize(60, large.answers[0]);
  world.Respond(asked, large);
  const Message reply = world.TakeReply();
  EXPECT_TRUE(reply.header.is_truncated);
  EXPECT_TRUE(reply.answers.empty());
  EXPECT_EQ(world.server.counters().truncated, 1U);
  ASSERT_EQ(world.stream_replies.size(), 1U);
  EXPECT_EQ(world.stream_replies[0].stream, StreamId{4});
  StreamFramer framer;
  framer.Push(world.stream_replies[0].bytes);
  EXPECT_EQ(ParseMessage(**framer.Next())->answers.size(), 60U);
}

TEST(DnsServer, ClientsWithEdnsGetMoreAndOurSize) {
  DnsWorld world;
  Message query = DnsWorld::Query("example.org");
  query.edns =
      Edns{.udp_size = 4096, .dnssec_ok = true, .options = {0, 10, 0, 2, 1, 2}};
  world.Send(query);
  const Asked asked = world.TakeAsked();
  ASSERT_TRUE(asked.message.edns.has_value());
  EXPECT_TRUE(asked.message.edns->dnssec_ok);
  EXPECT_TRUE(asked.message.edns->options.empty());  // hop by hop
  EXPECT_EQ(asked.message.edns->udp_size, 1232);
  Message large = DnsWorld::Good(asked);
  large.answers.resize(60, large.answers[0]);  // about 1000 bytes
  large.edns->udp_size = 512;
  world.Respond(asked, large);
  const Message reply = world.TakeReply();
  EXPECT_FALSE(reply.header.is_truncated);
  EXPECT_EQ(reply.answers.size(), 60U);
  EXPECT_EQ(reply.edns->udp_size, 1232);
}

TEST(DnsServer, AnUnaskedOptIsLeftOut) {
  DnsWorld world;
  world.Send(DnsWorld::Query("example.org"));
  const Asked asked = world.TakeAsked();
  Message good = DnsWorld::Good(asked);
  good.edns = Edns{.udp_size = 4096, .options = {}};
  world.Respond(asked, good);
  const Message reply = world.TakeReply();
  EXPECT_FALSE(reply.edns.has_value());
  EXPECT_EQ(reply.answers.size(), 1U);
}

TEST(DnsServer, AResolverWithoutEdnsIsAskedWithout) {
  DnsWorld world;
  Message query = DnsWorld::Query("example.org");
  query.edns = Edns{.udp_size = 1232, .options = {}};
  world.Send(query);
  const Asked with = world.TakeAsked();
  Message refused = DnsWorld::Bad(with, Rcode::kFormErr);
  refused.edns.reset();
  world.Respond(with, refused);
  const Asked without = world.TakeAsked();
  EXPECT_EQ(without.to, kFirst);
  EXPECT_FALSE(without.message.edns.has_value());
  world.Respond(without, DnsWorld::Good(without));
  const Message reply = world.TakeReply();
  EXPECT_EQ(reply.answers.size(), 1U);
  // We speak it, so the client need not do without.
  ASSERT_TRUE(reply.edns.has_value());
  EXPECT_EQ(reply.edns->udp_size, 1232);
}

TEST(DnsServer, AStreamsLargestAnswerHasRoomForOpt) {
  DnsWorld world;
  Message query = DnsWorld::Query("example.org");
  query.edns = Edns{.udp_size = 1232, .options = {}};
  world.server.HandleStreamMessage(world.now, StreamId{1}, kClient,
                                   *BuildMessage(query));
  world.Drain();
  const Asked datagram = world.TakeAsked();
  Message truncated = DnsWorld::Bad(datagram, Rcode::kNoError);
  truncated.header.is_truncated = true;
  world.Respond(datagram, truncated);
  const Asked stream = world.TakeAsked();
  Message full = DnsWorld::Good(stream);
  full.edns.reset();
  full.answers.push_back(full.answers[0]);
  full.answers[1].type = static_cast<RecordType>(16);
  full.answers[1].data = OpaqueData();
  const size_t used = BuildMessage(full)->size();
  full.answers[1].data = OpaqueData(kMaxMessageSize - used);
  world.Respond(stream, full);
  ASSERT_EQ(world.stream_replies.size(), 1U);
  const auto reply =
      ParseMessage(ByteView(world.stream_replies[0].bytes).subspan(2));
  ASSERT_TRUE(reply.has_value());
  EXPECT_TRUE(reply->header.is_truncated);
}

TEST(DnsServer, EqualQuestionsAreAskedOnce) {
  DnsWorld world;
  world.SendFrom(kClient, DnsWorld::Query("example.org", RecordType::kA, 1));
  world.SendFrom(E("127.0.0.1:40001"),
                 DnsWorld::Query("EXAMPLE.org", RecordType::kA, 2));
  world.SendFrom(kClient, DnsWorld::Query("example.org", RecordType::kA, 1));
  const Asked asked = world.TakeAsked();
  EXPECT_TRUE(world.asked.empty());
  EXPECT_EQ(world.server.counters().coalesced, 1U);
  world.Respond(asked, DnsWorld::Good(asked));
  ASSERT_EQ(world.replies.size(), 2U);
  EXPECT_EQ(world.TakeReply().header.id, 1);
  const Message second = world.TakeReply();
  EXPECT_EQ(second.header.id, 2);
  EXPECT_TRUE(second.question.name.IsSpelledLike(N("EXAMPLE.org")));
}

TEST(DnsServer, QuestionsThatDifferInDnssecAreTwo) {
  DnsWorld world;
  Message query = DnsWorld::Query("example.org");
  world.Send(query);
  query.edns = Edns{.udp_size = 1232, .options = {}};
  world.Send(query);
  query.edns->dnssec_ok = true;
  world.Send(query);
  EXPECT_EQ(world.asked.size(), 3U);
}

TEST(DnsServer, IsNeverItsOwnResolver) {
  DnsConfig config = DnsWorld::Config();
  config.resolvers = {kOwn};
  config.routes[0].resolvers = {kOwn, kCorp};
  DnsWorld world;
  world.Configure(config);
  EXPECT_EQ(world.Ask("example.org").rcode(), Rcode::kRefused);
  world.Send(DnsWorld::Query("a.example.com"));
  EXPECT_EQ(world.TakeAsked().to, kCorp);
}

TEST(DnsServer, ALoopOfForwardersIsAskedOnceARound) {
  DnsConfig config = DnsWorld::Config();
  config.resolvers = {E("127.0.0.1:53")};  // which asks us again
  DnsWorld world;
  world.Configure(config);
  world.Send(DnsWorld::Query("example.org"));
  size_t sent = 0;
  while (world.server.questions_under_way() != 0) {
    for (; !world.asked.empty(); ++sent) {
      Message back = world.TakeAsked().message;
      world.SendFrom(E("127.0.0.1:50000"), back);
    }
    world.Wait();
  }
  EXPECT_EQ(sent, 3U);
  EXPECT_EQ(world.TakeReply().rcode(), Rcode::kServFail);
}

TEST(DnsServer, OnlyThisHostAndItsClientsAreServed) {
  DnsConfig config = DnsWorld::Config();
  config.clients = {*IpPrefix::Parse("172.17.0.0/16")};
  DnsWorld world;
  world.Configure(config);
  const auto rcode = [&world](const char* from) {
    world.SendFrom(E(from), DnsWorld::Query("web"));
    return world.TakeReply().rcode();
  };
  EXPECT_EQ(rcode("127.0.0.1:1"), Rcode::kNoError);
  EXPECT_EQ(rcode("[::1]:1"), Rcode::kNoError);
  EXPECT_EQ(rcode("100.64.0.1:1"), Rcode::kNoError);
  EXPECT_EQ(rcode("172.17.3.3:1"), Rcode::kNoError);
  EXPECT_EQ(rcode("100.64.0.2:1"), Rcode::kRefused);
}

TEST(DnsServer, AFloodOfOneClientIsRefusedAndOthersAreServed) {
  DnsConfig config = DnsWorld::Config();
  config.clients = {IpPrefix()};
  DnsWorld world;
  world.Configure(config);
  for (int i = 0; i < 2000; ++i) {
    world.SendFrom(E("10.1.1.1:5000"),
                   DnsWorld::Query("n" + std::to_string(i) + ".example.org"));
  }
  EXPECT_EQ(world.asked.size(), DnsServer::kMaxWaitingPerClient);
  EXPECT_EQ(world.replies.size(), 2000 - DnsServer::kMaxWaitingPerClient);
  EXPECT_EQ(world.TakeReply().rcode(), Rcode::kRefused);
  world.replies.clear();
  world.asked.clear();
  world.Send(DnsWorld::Query("example.org"));
  EXPECT_EQ(world.asked.size(), 1U);
}

TEST(DnsServer, AFloodOfManyClientsEndsInServfailAndIsBounded) {
  DnsConfig config = DnsWorld::Config();
  config.clients = {IpPrefix()};
  DnsWorld world;
  world.Configure(config);
  for (int i = 0; i < 2000; ++i) {
    const Endpoint client{IpAddress::V4(10, 1, static_cast<uint8_t>(i / 200),
                                        static_cast<uint8_t>(i % 200)),
                          5000};
    world.SendFrom(client,
                   DnsWorld::Query("n" + std::to_string(i) + ".example.org"));
  }
  EXPECT_EQ(world.server.questions_under_way(), DnsServer::kMaxQuestions);
  EXPECT_EQ(world.TakeReply().rcode(), Rcode::kServFail);
  while (world.server.NextTimeout()) {
    world.Wait();
  }
  EXPECT_EQ(world.server.questions_under_way(), 0U);
  // Everything is given back: the next one is served.
  world.asked.clear();
  world.Send(DnsWorld::Query("example.org"));
  EXPECT_EQ(world.asked.size(), 1U);
}

TEST(DnsServer, WaitersOfOneQuestionAreBoundedToo) {
  DnsConfig config = DnsWorld::Config();
  config.clients = {IpPrefix()};
  DnsWorld world;
  world.Configure(config);
  for (int i = 0; i < 1000; ++i) {
    const Endpoint client{IpAddress::V4(10, 1, static_cast<uint8_t>(i / 200),
                                        static_cast<uint8_t>(i % 200)),
                          5000};
    world.SendFrom(client, DnsWorld::Query("example.org"));
  }
  EXPECT_EQ(world.asked.size(), 1U);
  EXPECT_EQ(world.replies.size(), 1000 - DnsServer::kMaxWaiting);
}

TEST(DnsServer, AClosedStreamIsForgotten) {
  DnsWorld world;
  world.server.HandleStreamMessage(
      world.now, StreamId{1}, kClient,
      *BuildMessage(DnsWorld::Query("example.org")));
  world.Drain();
  EXPECT_EQ(world.server.questions_under_way(), 1U);
  world.server.HandleStreamClosed(StreamId{1});
  world.Drain();
  EXPECT_EQ(world.server.questions_under_way(), 0U);
  EXPECT_EQ(world.ended.size(), 1U);
  EXPECT_TRUE(world.stream_replies.empty());
}

TEST(DnsServer, QuestionsUnderWaySurviveAChangeOfConfiguration) {
  DnsWorld world;
  world.Send(DnsWorld::Query("example.org"));
  const Asked asked = world.TakeAsked();
  DnsConfig config = DnsWorld::Config();
  config.resolvers = {kCorp};
  config.hosts.clear();
  world.Configure(config);
  world.Respond(asked, DnsWorld::Good(asked));
  EXPECT_EQ(world.TakeReply().answers.size(), 1U);
  world.Send(DnsWorld::Query("example.org"));
  EXPECT_EQ(world.TakeAsked().to, kCorp);
}

TEST(DnsServer, WhatIsNoQuestionOfOursIsToldSo) {
  DnsWorld world;
  Message query = DnsWorld::Query("example.org");
  query.header.opcode = 5;
  world.Send(query);
  EXPECT_EQ(world.TakeReply().rcode(), Rcode::kNotImp);
  query = DnsWorld::Query("version.bind", static_cast<RecordType>(16));
  query.question.question_class = 3;
  world.Send(query);
  EXPECT_EQ(world.TakeReply().rcode(), Rcode::kRefused);
  EXPECT_EQ(world.Ask("corp.mesh", RecordType::kAxfr).rcode(), Rcode::kRefused);
  query = DnsWorld::Query("web");
  query.edns = Edns{.udp_size = 1232, .version = 1, .options = {}};
  world.Send(query);
  EXPECT_EQ(world.TakeReply().rcode(), Rcode::kBadVers);
  query = DnsWorld::Query("example.org");
  query.header.recursion_desired = false;
  world.Send(query);
  EXPECT_EQ(world.TakeReply().rcode(), Rcode::kRefused);
  EXPECT_TRUE(world.asked.empty());
}

TEST(DnsServer, WhatDoesNotParseIsAFormatErrorAndResponsesAreIgnored) {
  DnsWorld world;
  auto bytes = *BuildMessage(DnsWorld::Query("example.org"));
  bytes.push_back(0);
  world.server.HandleDatagram(world.now, kOwn, kClient, bytes);
  world.Drain();
  ASSERT_EQ(world.replies.size(), 1U);
  EXPECT_EQ(world.replies[0].payload.size(), kHeaderSize);
  const auto header = ParseHeader(world.replies[0].payload);
  EXPECT_EQ(header->id, 77);
  EXPECT_EQ(header->rcode, 1);
  Message response = DnsWorld::Query("web");
  response.header.is_response = true;
  world.Send(response);
  world.SendFrom(kOwn, DnsWorld::Query("web"));
  world.SendFrom(E("127.0.0.1:0"), DnsWorld::Query("web"));
  world.server.HandleDatagram(world.now, kOwn, kClient,
                              ByteView(bytes).first(11));
  world.Drain();
  EXPECT_EQ(world.replies.size(), 1U);
  EXPECT_EQ(world.server.counters().malformed, 5U);
}

TEST(DnsServer, BeforeItsConfigurationAllIsRefused) {
  SeededRng rng(1);
  DnsServer server(rng);
  server.HandleDatagram({}, kOwn, kClient,
                        *BuildMessage(DnsWorld::Query("web")));
  const auto reply = server.PollTransmit();
  ASSERT_TRUE(reply.has_value());
  const auto& payload = std::get<ClientDatagram>(*reply).payload;
  EXPECT_EQ(ParseMessage(payload)->rcode(), Rcode::kRefused);
  EXPECT_FALSE(server.SetHost({.name = "a", .addresses = {}}).has_value());
}

TEST(DnsServer, QueuedOutputIsDueAtOnce) {
  DnsWorld world;
  world.now = Instant{seconds(9)};
  world.server.HandleDatagram(world.now, kOwn, kClient,
                              *BuildMessage(DnsWorld::Query("example.org")));
  EXPECT_EQ(world.server.NextTimeout(), world.now);
  world.Drain();
  EXPECT_EQ(world.server.NextTimeout(), world.now + milliseconds(1500));
  world.server.HandleTimeout(world.now);  // early
  EXPECT_FALSE(world.server.PollTransmit().has_value());
}

TEST(DnsServer, IdsAndExchangesAreFreshEachTime) {
  DnsWorld world;
  std::set<uint16_t> ids;
  std::set<ExchangeId> exchanges;
  for (int i = 0; i < 100; ++i) {
    world.Send(DnsWorld::Query("n" + std::to_string(i) + ".example.org"));
    const Asked asked = world.TakeAsked();
    ids.insert(asked.message.header.id);
    exchanges.insert(asked.exchange);
  }
  EXPECT_GT(ids.size(), 95U);
  EXPECT_EQ(exchanges.size(), 100U);
}

}  // namespace
}  // namespace natkit::dns
