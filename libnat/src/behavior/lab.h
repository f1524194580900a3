#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "behavior/task.h"
#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/rng.h"
#include "natkit/base/time.h"
#include "natkit/nat/behavior_discovery.h"
#include "natkit/nat/stun_attributes.h"
#include "natkit/nat/stun_message.h"
#include "natkit/nat/stun_stream_framer.h"
#include "natkit/nat/stun_types.h"
#include "natkit/nat/stun_vendor.h"

namespace natkit::nat::behavior {

class Lab;

/// A socket that a test has opened; closed when it dies.
class Socket {
 public:
  Socket(Lab& lab, SocketNumber number, const Endpoint& local)
      : lab_(&lab), number_(number), local_(local) {}

  Socket(Socket&& other) noexcept
      : lab_(std::exchange(other.lab_, nullptr)),
        number_(other.number_),
        local_(other.local_) {}

  Socket& operator=(Socket&& other) noexcept {
    std::swap(lab_, other.lab_);
    std::swap(number_, other.number_);
    std::swap(local_, other.local_);
    return *this;
  }

  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket();

  /// Another Socket has taken over.
  void Release() { lab_ = nullptr; }

  [[nodiscard]] SocketNumber number() const { return number_; }

  [[nodiscard]] const Endpoint& local() const { return local_; }

 private:
  Lab* lab_;
  SocketNumber number_;
  Endpoint local_;
};

/// A Binding request to be made.
struct Request {
  SocketNumber from{};
  Endpoint local;  ///< of `from`
  Endpoint to;
  stun::attr::ChangeRequestValue change;
  uint16_t response_port = 0;   ///< RESPONSE-PORT; 0: none
  size_t padding = 0;           ///< PADDING of so many bytes; 0: none
  std::vector<uint8_t> filler;  ///< instead of the usual one
  std::optional<stun::attr::ProbeOptionsValue> options;
  uint32_t attempts = 0;  ///< 0: as configured
  Duration interval{};    ///< 0: as configured
  uint8_t ttl = 0;
  bool ends_on_icmp = false;  ///< an ICMP error counts as an answer
};

/// What arrived for a request, at whatever socket.
struct Arrival {
  SocketNumber socket{};
  Endpoint from;
  Instant at;
  stun::MessageClass message_class = stun::MessageClass::kRequest;
  std::optional<Endpoint> mapped;        ///< XOR form, or else the plain one
  std::optional<Endpoint> plain_mapped;  ///< MAPPED-ADDRESS
  std::optional<Endpoint> origin;        ///< RESPONSE-ORIGIN
  std::optional<Endpoint> other;         ///< OTHER-ADDRESS
  std::optional<stun::ErrorCode> error;
  std::optional<stun::attr::RequestDigest::Value> digest;
  std::string software;
  size_t size = 0;           ///< of the datagram
  std::vector<uint8_t> raw;  ///< not STUN: the datagram, nothing else is set
  std::optional<IcmpNotice> icmp;  ///< set: nothing else is
};

/// A request and what came of it.
struct Exchange {
  Probe probe;
  std::optional<Arrival> arrival;
  std::vector<Instant> sent_at;   ///< of each copy
  std::vector<uint8_t> datagram;  ///< that was sent

  /// Whether there was a success response.
  [[nodiscard]] bool ok() const {
    return arrival && !arrival->icmp && !arrival->error &&
           arrival->message_class == stun::MessageClass::kSuccessResponse;
  }

  [[nodiscard]] std::optional<Endpoint> mapped() const {
    return ok() ? arrival->mapped : std::nullopt;
  }
};

/// An exchange over a TCP connection of its own, which is up as long as this
/// lives.
struct StreamExchange {
  std::optional<Socket> socket;  ///< nullopt: there was no connection
  Exchange exchange;
};

/// Where tests are carried out: sockets, requests, time and their pace. The
/// owner's inputs wake the coroutines that wait for them.
class Lab {
 public:
  Lab(const BehaviorConfig& config, Rng& rng) : config_(config), rng_(rng) {}

  ~Lab() = default;
  Lab(const Lab&) = delete;
  Lab& operator=(const Lab&) = delete;
  Lab(Lab&&) = delete;
  Lab& operator=(Lab&&) = delete;

  /// Something that a coroutine waits for; unregisters itself.
  class Waiter {
   public:
    explicit Waiter(Lab& lab) : lab_(lab) {}

    ~Waiter();
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;
    Waiter(Waiter&&) = delete;
    Waiter& operator=(Waiter&&) = delete;

   protected:
    friend class Lab;
    void Suspend(std::coroutine_handle<> handle,
                 std::optional<Instant> deadline);

    Lab& lab_;
    std::coroutine_handle<> handle_;
    std::optional<std::pair<Instant, uint64_t>> deadline_;
  };

  /// Awaitable: time passes.
  class Sleeper : public Waiter {
   public:
    Sleeper(Lab& lab, Instant until) : Waiter(lab), until_(until) {}

    [[nodiscard]] bool await_ready() const { return lab_.now() >= until_; }

    void await_suspend(std::coroutine_handle<> handle) {
      Suspend(handle, until_);
    }

    void await_resume() const {}

   private:
    Instant until_;
  };

  /// Awaitable: what arrives for a transaction, or nothing until `deadline`.
  class Expectation : public Waiter {
   public:
    Expectation(Lab& lab, const stun::TransactionId& id, SocketNumber socket,
                const std::optional<Endpoint>& icmp_about);
    ~Expectation();
    Expectation(const Expectation&) = delete;
    Expectation& operator=(const Expectation&) = delete;
    Expectation(Expectation&&) = delete;
    Expectation& operator=(Expectation&&) = delete;

    void Until(Instant deadline) { until_ = deadline; }

    /// Whatever is not STUN counts, too.
    void AcceptRaw() { lab_.raw_expectations_[socket_] = this; }

    [[nodiscard]] bool await_ready() const {
      return arrival_.has_value() || lab_.now() >= until_;
    }

    void await_suspend(std::coroutine_handle<> handle) {
      Suspend(handle, until_);
    }

    void await_resume() const {}

    [[nodiscard]] const std::optional<Arrival>& arrival() const {
      return arrival_;
    }

   private:
    friend class Lab;
    void Arrive(Arrival arrival);

    stun::TransactionId id_;
    SocketNumber socket_;
    std::optional<Endpoint> icmp_about_;
    Instant until_;
    std::optional<Arrival> arrival_;
  };

  // For tests.

  /// A socket on the `host`-th local address; nullopt if there is none to be
  /// had. `port` 0 gives one that no socket had before: a NAT may remember it.
  Task<std::optional<Socket>> Open(size_t host, uint16_t port);
  /// Sends copies until an answer arrives; the pace is limited per server.
  Task<Exchange> Transact(Request request);
  /// Sends each of `requests` once, one right after the other, and waits for
  /// the answers at most `patience`: whoever limits requests by their number
  /// treats them alike. In the order of `requests`, which have one server.
  Task<std::vector<Exchange>> TransactAtOnce(std::vector<Request> requests,
                                             Duration patience);
  /// Sends copies of a datagram that is not STUN until anything else than
  /// STUN arrives at the socket: the caller has opened it for this alone.
  Task<Exchange> TransactRaw(Request request, std::vector<uint8_t> datagram);
  /// Connects from `request.local` to `request.to` and asks once.
  Task<StreamExchange> TransactStream(Request request);
  /// The same with bytes that are not STUN; the answer is complete with an
  /// empty line, or 2048 bytes.
  Task<StreamExchange> TransactRawStream(Request request,
                                         std::vector<uint8_t> bytes);
  /// As Transact, from a Socket.
  [[nodiscard]] static Request From(const Socket& socket, const Endpoint& to);

  /// Datagrams that have arrived at a socket, whatever they were.
  [[nodiscard]] uint64_t ReceivedAt(SocketNumber socket) const {
    const auto found = received_at_.find(socket);
    return found == received_at_.end() ? 0 : found->second;
  }

  /// Whether another local endpoint was seen as `mapped` before this one:
  /// state of its may still be on the way.
  [[nodiscard]] bool WasAnothers(const Endpoint& mapped,
                                 const Endpoint& local) const {
    const auto found = seen_as_.find(mapped);
    return found != seen_as_.end() && found->second != local;
  }

  /// The first host's addresses as a server has seen them, in order; at most
  /// 256 are kept.
  [[nodiscard]] const std::vector<IpAddress>& ExternalAddressesAt(
      const Endpoint& server) const;

  /// No plain request is answered any more: the server or the path is gone, or
  /// the NAT makes no more mappings. Long loops end then.
  [[nodiscard]] bool IsSilent() const {
    return silent_in_a_row_ >= kSilentInARow;
  }

  [[nodiscard]] Instant now() const { return now_; }

  [[nodiscard]] Instant started() const { return started_; }

  [[nodiscard]] const BehaviorConfig& config() const { return config_; }

  [[nodiscard]] Rng& rng() { return rng_; }

  /// The share of requests that go astray, by those that were answered late.
  [[nodiscard]] double loss() const {
    return copies_ == 0 ? 0.0 : 1.0 - static_cast<double>(answers_) / copies_;
  }

  // For the owner.
  void Start(Instant now);
  void HandleSocketOpened(Instant now, SocketNumber socket,
                          const Result<Endpoint>& local);
  void HandleDatagram(Instant now, SocketNumber socket, const Endpoint& from,
                      ByteView datagram);
  void HandleStreamData(Instant now, SocketNumber socket, ByteView bytes);
  void HandleIcmpError(Instant now, SocketNumber socket,
                       const IcmpNotice& notice);
  void HandleTimeout(Instant now);
  [[nodiscard]] std::optional<BehaviorAction> PollAction();
  [[nodiscard]] std::optional<Instant> NextTimeout() const;

  [[nodiscard]] uint64_t datagrams_sent() const { return sent_; }

  [[nodiscard]] uint64_t datagrams_received() const { return received_; }

 private:
  friend class Socket;
  class Opening;

  /// What arrives on a TCP connection.
  struct Stream {
    Endpoint to;
    stun::StreamFramer framer{2048};
    std::vector<uint8_t> raw;
  };

  void Close(SocketNumber socket);
  /// As Transact, without the pace.
  Task<Exchange> TransactNow(Request request);
  Task<> TransactInto(Request request, Exchange* exchange);
  /// A STUN message arrived: for whoever waits for it.
  void Deliver(SocketNumber socket, const Endpoint& from, ByteView message);
  void DeliverRaw(SocketNumber socket, const Endpoint& from, ByteView bytes);
  Task<StreamExchange> AskOnStream(Request request,
                                   std::optional<std::vector<uint8_t>> raw);
  void Advance(Instant now);
  void Wake(Waiter& waiter);
  void RunReady();
  Task<std::optional<Socket>> OpenOnce(Endpoint local);
  Task<> SendCopies(const Request* request, Expectation* expectation,
                    Exchange* exchange);
  [[nodiscard]] Instant ReserveSlot(const IpAddress& server);
  /// When the next copy of a request may be sent.
  [[nodiscard]] Instant ReserveCopy(const Request& request);
  void Complete(const Request& request, const std::optional<Arrival>& arrival,
                Exchange& exchange);
  void NoteExternalAddress(const Request& request, const Exchange& exchange);
  void NoteSilence(const Request& request, const Exchange& exchange);
  [[nodiscard]] std::vector<uint8_t> Build(const Request& request,
                                           const stun::TransactionId& id) const;
  [[nodiscard]] Probe MakeProbe(const Request& request) const;

  const BehaviorConfig& config_;
  Rng& rng_;
  Instant now_;
  Instant started_;
  uint32_t next_socket_ = 1;
  uint64_t next_waiter_ = 0;
  std::map<std::pair<Instant, uint64_t>, Waiter*> deadlines_;
  std::multimap<stun::TransactionId, Expectation*> expectations_;
  std::map<SocketNumber, Expectation*> raw_expectations_;
  std::map<SocketNumber, Opening*> openings_;
  std::map<SocketNumber, Endpoint> sockets_;
  std::map<SocketNumber, Stream> streams_;
  std::set<Endpoint> used_;
  std::deque<std::coroutine_handle<>> ready_;
  bool is_running_ = false;
  std::deque<BehaviorAction> actions_;
  std::map<IpAddress, Instant> next_slot_;
  std::map<IpAddress, Instant> next_response_port_;
  uint32_t answers_ = 0;  ///< to requests, and the copies that they took
  uint32_t copies_ = 0;
  static constexpr uint32_t kSilentInARow = 6;
  uint32_t silent_in_a_row_ = 0;  ///< plain requests to known servers
  uint64_t sent_ = 0;
  uint64_t received_ = 0;
  std::map<Endpoint, Endpoint> seen_as_;  ///< who had a mapping first
  std::map<Endpoint, std::vector<IpAddress>> addresses_at_;  ///< by server
  std::map<SocketNumber, uint64_t> received_at_;
};

/// "binding", "binding change=ip+port response-port=40000 padding=1700 ttl=3".
[[nodiscard]] std::string DescribeRequest(const Request& request);

}  // namespace natkit::nat::behavior
