#pragma once

#include <compare>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "dns/client_query.h"
#include "dns/upstreams.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/rng.h"
#include "natkit/base/time.h"
#include "natkit/mesh/dns/dns_message.h"
#include "natkit/mesh/dns/dns_server.h"

namespace natkit::dns {

/// The questions at resolvers and the clients that wait for them. One question
/// is open at one or two resolvers at a time: the one before the last may
/// still answer. Pure; `rng` and `counters` must outlive it.
class Forwarder {
 public:
  Forwarder(Rng& rng, DnsCounters& counters) : rng_(rng), counters_(counters) {}

  void SetConfig(const DnsConfig& config) { upstreams_.Reset(config); }

  void SetResolvers(const std::vector<Endpoint>& resolvers) {
    upstreams_.SetDefault(resolvers);
  }

  [[nodiscard]] const Upstreams& upstreams() const { return upstreams_; }

  /// Has the client wait, or answers at once if there is no way.
  void Ask(Instant now, ClientQuery query);
  void ForgetStream(StreamId stream);
  /// `from` is nullopt for what came on a connection.
  void HandleResponse(Instant now, ExchangeId exchange,
                      const std::optional<Endpoint>& from, ByteView bytes);
  void HandleFailure(Instant now, ExchangeId exchange);
  void HandleTimeout(Instant now);

  [[nodiscard]] std::optional<DnsTransmit> PollTransmit();
  [[nodiscard]] std::optional<DnsEvent> PollEvent();
  [[nodiscard]] std::optional<Instant> NextTimeout() const;

  [[nodiscard]] bool has_output() const {
    return !transmits_.empty() || !events_.empty();
  }

  void Send(DnsTransmit transmit) { transmits_.push_back(std::move(transmit)); }

  [[nodiscard]] size_t questions() const { return pending_.size(); }

 private:
  /// What makes two questions one.
  struct Key {
    Question question;
    bool has_edns = false;
    bool dnssec_ok = false;
    bool checking_disabled = false;

    std::strong_ordering operator<=>(const Key& other) const;
    bool operator==(const Key&) const = default;
  };

  struct Attempt {
    ExchangeId exchange{};
    Endpoint upstream;
    uint16_t id = 0;
    bool is_stream = false;
    bool has_edns = false;
    int bad_responses = 0;
  };

  struct Pending {
    std::vector<Endpoint> upstreams;  ///< less those that failed for good
    size_t next = 0;
    int tries = 0;
    int max_tries = 0;
    std::vector<Attempt> attempts;  ///< that are open, the latest last
    std::vector<ClientQuery> waiting;
    Instant try_until{};
    Instant give_up{};
    Rcode rcode = Rcode::kServFail;  ///< to be told if all fail
  };

  using Pendings = std::map<Key, Pending>;

  [[nodiscard]] bool Admit(const ClientQuery& query);
  void Join(Pending& pending, ClientQuery query);
  /// It does not wait any longer.
  void Release(const ClientQuery& query);
  void Reply(const ClientQuery& query, Rcode rcode);

  void TryNext(Instant now, Pendings::iterator pending);
  void Open(Pendings::iterator pending, Attempt attempt);
  void UseStream(Instant now, Pendings::iterator pending, size_t index);
  void GiveUpOn(Instant now, Pendings::iterator pending, size_t index);
  void NoteBad(Instant now, Pendings::iterator pending, size_t index);
  void Close(Pending& pending, size_t index);
  void NoteTimedOut(Instant now, Pending& pending);

  void Judge(Instant now, Pendings::iterator pending, size_t index,
             ByteView bytes);
  void JudgeMessage(Instant now, Pendings::iterator pending, size_t index,
                    ByteView bytes);
  void Deliver(Pendings::iterator pending, ByteView bytes,
               const Message& message, const MessageLayout& layout);
  void Fail(Pendings::iterator pending);
  void Finish(Pendings::iterator pending);

  Rng& rng_;
  DnsCounters& counters_;
  Upstreams upstreams_;
  Pendings pending_;
  std::map<ExchangeId, Pendings::iterator> exchanges_;
  uint64_t last_exchange_ = 0;
  size_t waiting_ = 0;
  std::map<IpAddress, size_t> waiting_per_client_;
  std::deque<DnsTransmit> transmits_;
  std::deque<DnsEvent> events_;
};

}  // namespace natkit::dns
