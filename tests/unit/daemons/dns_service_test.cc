// The DNS server on real sockets of the loopback interface.

#include "dns/dns_service.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace natkit::meshnode {
namespace {

using dns::Message;
using dns::Name;
using std::chrono::seconds;

const Endpoint kLoopback{IpAddress::V4(127, 0, 0, 1), 0};

Message Query(const char* name) {
  Message message;
  message.header = {.id = 99, .recursion_desired = true};
  message.question.name = *Name::FromText(name);
  return message;
}

/// Answers everything with `addresses` A records: too many for a datagram are
/// truncated there and whole over TCP.
class Resolver {
 public:
  Resolver(io::EventLoop& loop, size_t addresses)
      : addresses_(addresses), udp_(*io::UdpSocket::Bind(loop, kLoopback)) {
    udp_.SetReceiveHandler([this](PacketBatch& batch) {
      for (size_t i = 0; i < batch.size(); ++i) {
        ports.insert(batch.meta(i).remote.port);
        udp_.SendTo(batch.meta(i).remote, Answer(batch.bytes(i), 512));
      }
    });
    tcp_.emplace(*io::TcpListener::Listen(
        loop, udp_.local_endpoint(),
        [this](io::TcpStream stream) { Accept(std::move(stream)); }));
  }

  [[nodiscard]] Endpoint endpoint() const { return udp_.local_endpoint(); }

  std::set<uint16_t> ports;
  int connections = 0;

 private:
  [[nodiscard]] std::vector<uint8_t> Answer(ByteView bytes,
                                            size_t limit) const {
    Message message = *dns::ParseMessage(bytes);
    message.header.is_response = true;
    message.answers.resize(addresses_, {.name = message.question.name,
                                        .ttl = 5,
                                        .data = IpAddress::V4(192, 0, 2, 9)});
    return dns::BuildTruncatedIfLarger(message, limit);
  }

  void Accept(io::TcpStream stream) {
    ++connections;
    stream_.emplace(std::move(stream));
    framer_ = dns::StreamFramer();
    stream_->SetHandlers({.on_connected = {},
                          .on_data =
                              [this](ByteView bytes) {
                                framer_.Push(bytes);
                                if (const auto query = *framer_.Next()) {
                                  stream_->Write(dns::FrameForStream(
                                      Answer(*query, dns::kMaxMessageSize)));
                                }
                              },
                          .on_drained = {},
                          .on_closed = [](Errc) {}});
  }

  size_t addresses_;
  io::UdpSocket udp_;
  std::optional<io::TcpListener> tcp_;
  std::optional<io::TcpStream> stream_;
  dns::StreamFramer framer_;
};

class Service : public testing::Test {
 protected:
  void Start(const std::vector<Endpoint>& resolvers) {
    dns::DnsConfig config;
    config.domain = "corp.mesh";
    config.hosts = {{.name = "web", .addresses = {IpAddress::V4(10, 9, 9, 9)}}};
    config.resolvers = resolvers;
    const auto started = service_.Start({.listen = {kLoopback}}, config);
    ASSERT_TRUE(started.has_value()) << started.error();
    client_.SetReceiveHandler([this](PacketBatch& batch) {
      reply_ = *dns::ParseMessage(batch.bytes(0));
    });
  }

  Message Ask(const char* name) {
    reply_.reset();
    client_.SendTo(service_.local_endpoints().at(0),
                   *dns::BuildMessage(Query(name)));
    EXPECT_TRUE(
        loop_.RunUntil([this] { return reply_.has_value(); }, seconds(20)));
    return reply_.value_or(Message{});
  }

  Message AskByTcp(const char* name) {
    dns::StreamFramer framer;
    std::optional<Message> reply;
    io::TcpStream stream =
        io::TcpStream::Connect(loop_, service_.local_endpoints().at(0),
                               {.on_connected = [] {},
                                .on_data =
                                    [&](ByteView bytes) {
                                      framer.Push(bytes);
                                      if (const auto message = *framer.Next()) {
                                        reply = *dns::ParseMessage(*message);
                                      }
                                    },
                                .on_drained = {},
                                .on_closed = [](Errc) {}});
    stream.Write(dns::FrameForStream(*dns::BuildMessage(Query(name))));
    EXPECT_TRUE(
        loop_.RunUntil([&reply] { return reply.has_value(); }, seconds(20)));
    return reply.value_or(Message{});
  }

  io::EventLoop loop_;
  SystemRng rng_;
  std::vector<std::string> log_;
  DnsService service_{loop_, rng_, [this](LogLevel, std::string_view line) {
                        log_.emplace_back(line);
                      }};
  io::UdpSocket client_ = *io::UdpSocket::Bind(loop_, kLoopback);
  std::optional<Message> reply_;
};

TEST_F(Service, AnswersTheMeshByUdpAndTcp) {
  Start({});
  EXPECT_EQ(Ask("web.corp.mesh").answers.size(), 1U);
  EXPECT_EQ(AskByTcp("web").answers.size(), 1U);
  EXPECT_EQ(service_.counters().local_answers, 2U);
}

TEST_F(Service, ForwardsFromAFreshPortEachTime) {
  Resolver resolver(loop_, 1);
  Start({resolver.endpoint()});
  for (const char* name :
       {"a.example", "b.example", "c.example", "d.example", "e.example"}) {
    const Message reply = Ask(name);
    EXPECT_EQ(reply.header.id, 99);
    EXPECT_EQ(reply.answers.size(), 1U);
  }
  EXPECT_GT(resolver.ports.size(), 1U);
}

TEST_F(Service, FetchesByTcpWhatIsTruncated) {
  Resolver resolver(loop_, 500);
  Start({resolver.endpoint()});
  EXPECT_EQ(AskByTcp("large.example").answers.size(), 500U);
  EXPECT_TRUE(Ask("large2.example").header.is_truncated);
  EXPECT_EQ(resolver.connections, 2);
}

TEST_F(Service, DoesNotWaitForAResolverThatIsNotThere) {
  std::optional<Endpoint> closed;
  {
    const auto gone = io::UdpSocket::Bind(loop_, kLoopback);
    closed = gone->local_endpoint();
  }
  // The system refuses to broadcast.
  const Endpoint refused{IpAddress::V4(255, 255, 255, 255), 53};
  Start({*closed, refused});
  const Instant begin = io::EventLoop::Now();
  EXPECT_EQ(Ask("a.example").rcode(), dns::Rcode::kServFail);
  EXPECT_LT(io::EventLoop::Now() - begin, seconds(4));  // not the 4.5 s
  EXPECT_EQ(log_.size(), 2U);
}

TEST_F(Service, GoesOnToTheNextResolver) {
  Resolver resolver(loop_, 1);
  Start({{IpAddress::V4(255, 255, 255, 255), 53}, resolver.endpoint()});
  EXPECT_EQ(Ask("a.example").answers.size(), 1U);
}

TEST_F(Service, ChangesWhileItRuns) {
  Resolver resolver(loop_, 1);
  Start({});
  EXPECT_EQ(Ask("a.example").rcode(), dns::Rcode::kRefused);
  EXPECT_TRUE(service_.SetResolvers({resolver.endpoint()}).has_value());
  EXPECT_EQ(Ask("a.example").answers.size(), 1U);
  EXPECT_EQ(service_.Explain(Query("a.example").question).resolvers,
            std::vector{resolver.endpoint()});
  EXPECT_TRUE(
      service_
          .SetHost({.name = "db", .addresses = {IpAddress::V4(10, 9, 9, 8)}})
          .has_value());
  EXPECT_TRUE(service_.SetResolvers({}).has_value());  // hosts stay
  EXPECT_EQ(Ask("db").answers.size(), 1U);
  EXPECT_TRUE(service_.RemoveHost("db"));
  EXPECT_EQ(Ask("db.corp.mesh").rcode(), dns::Rcode::kNxDomain);
}

TEST_F(Service, SaysWhichAddressIsTaken) {
  Resolver resolver(loop_, 1);
  dns::DnsConfig config;
  config.domain = "corp.mesh";
  const auto started =
      service_.Start({.listen = {resolver.endpoint()}}, config);
  ASSERT_FALSE(started.has_value());
  EXPECT_NE(started.error().find(resolver.endpoint().ToString()),
            std::string::npos);
  EXPECT_TRUE(service_.local_endpoints().empty());
}

}  // namespace
}  // namespace natkit::meshnode
