#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/result.h"
#include "natkit/base/rng.h"
#include "natkit/base/time.h"
#include "natkit/mesh/dns/dns_config.h"

namespace natkit::dns {

/// A client's connection; the owner chooses the numbers.
enum class StreamId : uint64_t {};

/// One question to one resolver, over a socket of its own; the server chooses
/// the numbers and uses each once.
enum class ExchangeId : uint64_t {};

/// An answer to a client's datagram, to be sent from `local`.
struct ClientDatagram {
  Endpoint local;
  Endpoint to;
  std::vector<uint8_t> payload;
};

/// An answer on a client's connection, with its length before it.
struct ClientStreamBytes {
  StreamId stream{};
  std::vector<uint8_t> bytes;
};

/// A question to a resolver, from a new UDP socket with a port that others
/// cannot guess, which stays open until ExchangeEnded.
struct UpstreamDatagram {
  ExchangeId exchange{};
  Endpoint to;
  std::vector<uint8_t> payload;
};

/// A question to a resolver over a new TCP connection, with its length before
/// it; the connection stays until ExchangeEnded.
struct UpstreamStreamBytes {
  ExchangeId exchange{};
  Endpoint to;
  std::vector<uint8_t> bytes;
};

using DnsTransmit = std::variant<ClientDatagram, ClientStreamBytes,
                                 UpstreamDatagram, UpstreamStreamBytes>;

/// The exchange's socket or connection is of no more use.
struct ExchangeEnded {
  ExchangeId exchange{};

  bool operator==(const ExchangeEnded&) const = default;
};

/// A resolver has begun to fail, or answers again.
struct ResolverChanged {
  Endpoint resolver;
  bool is_answering = false;

  bool operator==(const ResolverChanged&) const = default;
};

using DnsEvent = std::variant<ExchangeEnded, ResolverChanged>;

/// Where a question would go.
struct DnsRoute {
  bool is_local = false;  ///< answered here
  /// Of the split route; nullopt: the default resolvers.
  std::optional<Name> suffix;
  std::vector<Endpoint> resolvers;  ///< in the order of asking

  bool operator==(const DnsRoute&) const = default;
};

/// Counted since the server was made.
struct DnsCounters {
  uint64_t queries = 0;        ///< that were questions, whatever came of them
  uint64_t malformed = 0;      ///< datagrams and messages from clients
  uint64_t local_answers = 0;  ///< from the mesh's own names
  uint64_t forwarded = 0;      ///< questions that went to a resolver
  uint64_t coalesced = 0;      ///< that waited for an equal one under way
  uint64_t refused = 0;        ///< not a client of ours, too many, or no way
  uint64_t failed = 0;         ///< SERVFAIL: no resolver gave an answer
  uint64_t bad_responses = 0;  ///< not what was asked, or not by whom
  uint64_t truncated = 0;      ///< answers with TC to clients

  bool operator==(const DnsCounters&) const = default;
};

/// Resolves for one node: answers the names of the mesh itself and forwards
/// all others to the resolvers of the longest matching suffix.
///
/// The mesh domain, single labels that are hosts, and the reverse names of the
/// hosts' addresses are answered with authority and never leave the node.
/// Forwarded questions get ids of their own and, by the owner's help, ports of
/// their own; a response counts only if it comes from the resolver that was
/// asked and repeats id and question (RFC 5452 section 9). A resolver that
/// does not answer in time is followed by the next, 3 to 6 tries within 4.5 s,
/// shorter than common clients wait; one that failed lately comes last. TC is
/// followed by TCP (RFC 7766 section 5). Equal questions under way are asked
/// once, which also ends loops of forwarders. There is no cache.
///
/// Questions by datagram and by stream get the same answers, as long as the
/// client takes (RFC 6891 section 6.2.3, at most 1232 bytes by datagram).
/// Bounds: 256 questions at resolvers, 512 clients waiting, 128 of one address;
/// beyond, SERVFAIL and REFUSED at once.
///
/// Pure: no socket, clock or random source. Not thread-safe. After each input,
/// drain both outputs.
class DnsServer {
 public:
  static constexpr size_t kMaxQuestions = 256;
  static constexpr size_t kMaxWaiting = 512;
  static constexpr size_t kMaxWaitingPerClient = 128;
  /// The most that goes into a datagram, bytes: unfragmented on any path.
  static constexpr size_t kMaxUdpSize = 1232;
  /// A client's message on a stream that is longer is no question, bytes.
  static constexpr size_t kMaxQuerySize = 4096;

  /// `rng` must outlive it. Until SetConfig() all is refused.
  explicit DnsServer(Rng& rng);
  ~DnsServer();
  DnsServer(const DnsServer&) = delete;
  DnsServer& operator=(const DnsServer&) = delete;

  /// Replaces everything; questions under way go on with the resolvers they
  /// began with. Errors: those of CheckDnsConfig(), and nothing has changed.
  [[nodiscard]] Result<void> SetConfig(const DnsConfig& config);
  /// Replaces the default resolvers alone, as SetConfig() would. Errors:
  /// kInvalidState without a configuration.
  [[nodiscard]] Result<void> SetResolvers(
      const std::vector<Endpoint>& resolvers);
  /// Adds a host or replaces its addresses. Errors: kInvalidState without a
  /// configuration; kBadEncoding, kBadLength, kBadValue.
  [[nodiscard]] Result<void> SetHost(const DnsHost& host);
  /// False: there is none of this name.
  bool RemoveHost(std::string_view name);

  // Inputs.
  void HandleDatagram(Instant now, const Endpoint& local, const Endpoint& from,
                      ByteView datagram);
  void HandleStreamMessage(Instant now, StreamId stream, const Endpoint& from,
                           ByteView message);
  /// The connection is gone; nothing more is sent on it.
  void HandleStreamClosed(StreamId stream);
  void HandleUpstreamDatagram(Instant now, ExchangeId exchange,
                              const Endpoint& from, ByteView datagram);
  /// `message` came on the connection to the resolver, without its length.
  void HandleUpstreamMessage(Instant now, ExchangeId exchange,
                             ByteView message);
  /// The socket could not be opened, the resolver is unreachable, or the
  /// connection ended.
  void HandleUpstreamFailed(Instant now, ExchangeId exchange);
  void HandleTimeout(Instant now);

  // Outputs.
  [[nodiscard]] std::optional<DnsTransmit> PollTransmit();
  [[nodiscard]] std::optional<DnsEvent> PollEvent();
  /// When to call HandleTimeout next; nullopt while nothing is under way.
  [[nodiscard]] std::optional<Instant> NextTimeout() const;

  /// Where `question` would go now; nothing is asked.
  [[nodiscard]] DnsRoute Explain(Instant now, const Question& question) const;

  [[nodiscard]] const DnsCounters& counters() const;
  /// Questions at resolvers.
  [[nodiscard]] size_t questions_under_way() const;

 private:
  class Impl;

  std::unique_ptr<Impl> impl_;
};

}  // namespace natkit::dns
