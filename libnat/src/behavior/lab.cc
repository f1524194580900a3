#include "behavior/lab.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "natkit/base/check.h"
#include "natkit/base/queue.h"
#include "natkit/nat/stun_message_builder.h"
#include "natkit/nat/stun_vendor.h"

namespace natkit::nat::behavior {
namespace {

/// The longest datagram that is built: PADDING may exceed every MTU.
constexpr size_t kMaxRequestSize = 4096;

/// Bytes of an answer that are kept when it is not STUN.
constexpr size_t kMaxRaw = 2048;

/// Mappings that are remembered.
constexpr size_t kMaxSeen = 8192;

/// External addresses that are remembered for each server.
constexpr size_t kMaxAddresses = 256;

std::optional<Endpoint> Optional(const Result<Endpoint>& value) {
  return value ? std::optional(*value) : std::nullopt;
}

Arrival Read(const stun::Message& message) {
  Arrival arrival;
  arrival.message_class = message.type().message_class;
  arrival.plain_mapped = Optional(message.Get<stun::attr::MappedAddress>());
  arrival.mapped = Optional(message.GetXorMappedAddress());
  if (!arrival.mapped) {
    arrival.mapped = arrival.plain_mapped;
  }
  arrival.origin = Optional(message.Get<stun::attr::ResponseOrigin>());
  arrival.other = Optional(message.Get<stun::attr::OtherAddress>());
  if (const auto error = message.Get<stun::attr::ErrorCode>()) {
    arrival.error = error->code;
  } else if (arrival.message_class == stun::MessageClass::kErrorResponse) {
    arrival.error = stun::ErrorCode::kServerError;
  }
  if (const auto software = message.Get<stun::attr::Software>()) {
    arrival.software = software->substr(0, 128);
  }
  if (const auto digest = message.Get<stun::attr::RequestDigest>()) {
    arrival.digest = *digest;
  }
  arrival.size = message.bytes().size();
  return arrival;
}

}  // namespace

std::string DescribeRequest(const Request& request) {
  std::string text = "binding";
  if (request.change.change_ip && request.change.change_port) {
    text += " change=ip+port";
  } else if (request.change.change_ip) {
    text += " change=ip";
  } else if (request.change.change_port) {
    text += " change=port";
  }
  if (request.response_port != 0) {
    text += " response-port=" + std::to_string(request.response_port);
  }
  if (request.padding != 0) {
    text += " padding=" + std::to_string(request.padding);
  }
  if (request.options && request.options->pad_response_only) {
    text += " pad-response=" + std::to_string(request.options->response_size);
  }
  if (request.options && request.options->do_not_pad_response) {
    text += " do-not-pad-response";
  }
  if (request.options && request.options->echo_digest) {
    text += " echo-digest";
  }
  if (request.ttl != 0) {
    text += " ttl=" + std::to_string(request.ttl);
  }
  return text;
}

Socket::~Socket() {
  if (lab_ != nullptr) {
    lab_->Close(number_);
  }
}

Lab::Waiter::~Waiter() {
  if (deadline_) {
    lab_.deadlines_.erase(*deadline_);
  }
}

void Lab::Waiter::Suspend(std::coroutine_handle<> handle,
                          std::optional<Instant> deadline) {
  handle_ = handle;
  if (deadline) {
    deadline_ = {*deadline, lab_.next_waiter_++};
    lab_.deadlines_.emplace(*deadline_, this);
  }
}

Lab::Expectation::Expectation(Lab& lab, const stun::TransactionId& id,
                              SocketNumber socket,
                              const std::optional<Endpoint>& icmp_about)
    : Waiter(lab), id_(id), socket_(socket), icmp_about_(icmp_about) {
  lab_.expectations_.emplace(id, this);
}

void Lab::Expectation::Arrive(Arrival arrival) {
  arrival.at = lab_.now();
  arrival_ = std::move(arrival);
  lab_.Wake(*this);
}

Lab::Expectation::~Expectation() {
  const auto raw = lab_.raw_expectations_.find(socket_);
  if (raw != lab_.raw_expectations_.end() && raw->second == this) {
    lab_.raw_expectations_.erase(raw);
  }
  const auto [first, last] = lab_.expectations_.equal_range(id_);
  for (auto it = first; it != last; ++it) {
    if (it->second == this) {
      lab_.expectations_.erase(it);
      return;
    }
  }
}

/// Awaitable: the owner's answer to OpenSocket.
class Lab::Opening : public Waiter {
 public:
  Opening(Lab& lab, SocketNumber number,
          std::optional<Instant> deadline = std::nullopt)
      : Waiter(lab), number_(number), deadline_at_(deadline) {
    lab_.openings_.emplace(number, this);
  }

  ~Opening() { lab_.openings_.erase(number_); }

  Opening(const Opening&) = delete;
  Opening& operator=(const Opening&) = delete;
  Opening(Opening&&) = delete;
  Opening& operator=(Opening&&) = delete;

  [[nodiscard]] bool await_ready() const { return false; }

  void await_suspend(std::coroutine_handle<> handle) {
    Suspend(handle, deadline_at_);
  }

  void await_resume() const {}

  std::optional<Endpoint> local;
  std::optional<Errc> error;

 private:
  SocketNumber number_;
  std::optional<Instant> deadline_at_;
};

Task<std::optional<Socket>> Lab::Open(size_t host, uint16_t port) {
  constexpr size_t kTries = 8;
  const Endpoint local{.address = config_.local_addresses.at(host),
                       .port = port};
  std::vector<Socket> stale;  // open meanwhile, so that they do not come again
  for (size_t i = 0; i < kTries; ++i) {
    Task<std::optional<Socket>> opening = OpenOnce(local);
    std::optional<Socket> socket = co_await opening;
    if (!socket) {
      break;
    }
    if (used_.insert(socket->local()).second || port != 0) {
      co_return socket;
    }
    stale.push_back(std::move(*socket));
  }
  co_return std::nullopt;
}

Task<std::optional<Socket>> Lab::OpenOnce(Endpoint local) {
  const SocketNumber number{next_socket_++};
  Opening opening(*this, number);
  actions_.emplace_back(OpenSocket{.socket = number, .local = local});
  Socket wanted(*this, number, local);  // closes it if nobody waits any more
  co_await opening;
  wanted.Release();
  std::optional<Socket> socket;
  if (opening.local) {
    sockets_.emplace(number, *opening.local);
    socket.emplace(*this, number, *opening.local);
  }
  co_return socket;
}

Request Lab::From(const Socket& socket, const Endpoint& to) {
  Request request;
  request.from = socket.number();
  request.local = socket.local();
  request.to = to;
  return request;
}

Task<Exchange> Lab::Transact(Request request) {
  Sleeper pace(*this, ReserveSlot(request.to.address));
  co_await pace;
  Task<Exchange> asking = TransactNow(std::move(request));
  Exchange exchange = co_await asking;
  co_return exchange;
}

Task<std::vector<Exchange>> Lab::TransactAtOnce(std::vector<Request> requests,
                                                Duration patience) {
  Instant slot = now_;
  for (const Request& request : requests) {
    slot = ReserveSlot(request.to.address);
  }
  Sleeper pace(*this, slot);
  co_await pace;
  std::vector<Exchange> exchanges(requests.size());
  std::vector<Task<>> asking;
  for (size_t i = 0; i < requests.size(); ++i) {
    requests[i].attempts = 1;
    requests[i].interval = patience;
    asking.push_back(TransactInto(std::move(requests[i]), &exchanges[i]));
  }
  WhenAll all(asking);
  co_await all;
  co_return exchanges;
}

Task<> Lab::TransactInto(Request request, Exchange* exchange) {
  Task<Exchange> asking = TransactNow(std::move(request));
  *exchange = co_await asking;
}

Task<Exchange> Lab::TransactNow(Request request) {
  const auto id = stun::TransactionId::Generate(rng_);
  Exchange exchange;
  exchange.datagram = Build(request, id);
  exchange.probe = MakeProbe(request);
  Expectation expectation(
      *this, id, request.from,
      request.ends_on_icmp ? std::optional(request.to) : std::nullopt);
  Task<> sending = SendCopies(&request, &expectation, &exchange);
  co_await sending;
  Complete(request, expectation.arrival(), exchange);
  NoteExternalAddress(request, exchange);
  NoteSilence(request, exchange);
  co_return exchange;
}

Task<Exchange> Lab::TransactRaw(Request request,
                                std::vector<uint8_t> datagram) {
  Exchange exchange;
  exchange.datagram = std::move(datagram);
  exchange.probe = MakeProbe(request);
  const auto id = stun::TransactionId::Generate(rng_);
  Expectation expectation(*this, id, request.from, std::nullopt);
  expectation.AcceptRaw();
  Task<> sending = SendCopies(&request, &expectation, &exchange);
  co_await sending;
  Complete(request, expectation.arrival(), exchange);
  co_return exchange;
}

Task<StreamExchange> Lab::TransactStream(Request request) {
  Sleeper pace(*this, ReserveSlot(request.to.address));
  co_await pace;
  Task<StreamExchange> asking = AskOnStream(std::move(request), std::nullopt);
  StreamExchange result = co_await asking;
  co_return result;
}

Task<StreamExchange> Lab::TransactRawStream(Request request,
                                            std::vector<uint8_t> bytes) {
  Task<StreamExchange> asking =
      AskOnStream(std::move(request), std::move(bytes));
  StreamExchange result = co_await asking;
  co_return result;
}

Task<StreamExchange> Lab::AskOnStream(Request request,
                                      std::optional<std::vector<uint8_t>> raw) {
  constexpr auto kConnectPatience = std::chrono::seconds(10);
  constexpr auto kAnswerPatience = std::chrono::seconds(5);
  const SocketNumber number{next_socket_++};
  StreamExchange result;
  Exchange& exchange = result.exchange;
  exchange.probe = MakeProbe(request);
  Socket connection(*this, number, request.local);  // closes it on failure
  Opening opening(*this, number, now_ + kConnectPatience);
  actions_.emplace_back(
      OpenStream{.socket = number, .local = request.local, .to = request.to});
  co_await opening;
  if (!opening.local) {
    exchange.probe.note =
        "no connection: " +
        std::string(ErrcName(opening.error.value_or(Errc::kTimedOut)));
    co_return result;
  }
  sockets_.emplace(number, *opening.local);
  streams_.emplace(number, Stream{.to = request.to});
  request.from = number;
  request.local = *opening.local;
  exchange.probe.local = *opening.local;
  const auto id = stun::TransactionId::Generate(rng_);
  exchange.datagram = raw ? std::move(*raw) : Build(request, id);
  Expectation expectation(*this, id, number, std::nullopt);
  if (raw) {
    expectation.AcceptRaw();
  }
  actions_.emplace_back(
      SendOnStream{.socket = number, .bytes = exchange.datagram});
  exchange.sent_at.push_back(now_);
  expectation.Until(now_ + kAnswerPatience);
  co_await expectation;
  Complete(request, expectation.arrival(), exchange);
  result.socket.emplace(*this, number, *opening.local);
  connection.Release();
  co_return result;
}

Task<> Lab::SendCopies(const Request* request, Expectation* expectation,
                       Exchange* exchange) {
  const uint32_t attempts =
      request->attempts > 0 ? request->attempts : config_.attempts;
  const Duration interval =
      request->interval > Duration{} ? request->interval : config_.interval;
  for (uint32_t i = 0; i < attempts && !expectation->arrival(); ++i) {
    expectation->Until(ReserveCopy(*request));
    co_await *expectation;
    if (expectation->arrival()) {
      break;
    }
    actions_.emplace_back(SendDatagram{.socket = request->from,
                                       .to = request->to,
                                       .payload = exchange->datagram,
                                       .ttl = request->ttl});
    ++sent_;
    exchange->sent_at.push_back(now_);
    expectation->Until(now_ + interval);
    co_await *expectation;
  }
}

void Lab::Complete(const Request& request,
                   const std::optional<Arrival>& arrival, Exchange& exchange) {
  Probe& probe = exchange.probe;
  probe.sent = static_cast<uint32_t>(exchange.sent_at.size());
  exchange.arrival = arrival;
  if (!arrival) {
    return;
  }
  ++answers_;
  copies_ += std::max(probe.sent, 1U);
  probe.answered = true;
  probe.answered_from = arrival->from;
  probe.mapped = arrival->mapped;
  if (arrival->mapped && seen_as_.size() < kMaxSeen) {
    seen_as_.try_emplace(*arrival->mapped, request.local);
  }
  const auto at = sockets_.find(arrival->socket);
  probe.arrived_at = at == sockets_.end() ? request.local : at->second;
  if (arrival->icmp) {
    probe.note = "ICMP type " + std::to_string(arrival->icmp->type) + " code " +
                 std::to_string(arrival->icmp->code);
  } else if (arrival->error) {
    probe.note = "error " + std::to_string(static_cast<int>(*arrival->error));
  }
}

void Lab::NoteExternalAddress(const Request& request,
                              const Exchange& exchange) {
  if (!exchange.mapped() ||
      request.local.address != config_.local_addresses.front()) {
    return;
  }
  std::vector<IpAddress>& known = addresses_at_[request.to];
  const IpAddress address = exchange.mapped()->address;
  if (known.size() < kMaxAddresses &&
      std::ranges::find(known, address) == known.end()) {
    known.push_back(address);
  }
}

/// A request of a single copy may just be lost.
void Lab::NoteSilence(const Request& request, const Exchange& exchange) {
  const bool is_plain = request.attempts != 1 &&
                        request.change == stun::attr::ChangeRequestValue{} &&
                        request.response_port == 0 && request.ttl == 0 &&
                        request.padding == 0 && !request.options;
  if (exchange.arrival) {
    silent_in_a_row_ = 0;
  } else if (is_plain && addresses_at_.contains(request.to)) {
    ++silent_in_a_row_;
  }
}

const std::vector<IpAddress>& Lab::ExternalAddressesAt(
    const Endpoint& server) const {
  static const std::vector<IpAddress> kNone;
  const auto found = addresses_at_.find(server);
  return found == addresses_at_.end() ? kNone : found->second;
}

void Lab::Start(Instant now) {
  now_ = now;
  started_ = now;
}

void Lab::HandleSocketOpened(Instant now, SocketNumber socket,
                             const Result<Endpoint>& local) {
  Advance(now);
  const auto found = openings_.find(socket);
  if (found == openings_.end() || found->second->local) {
    return;
  }
  found->second->local = Optional(local);
  if (!local) {
    found->second->error = local.error().code;
  }
  Wake(*found->second);
  RunReady();
}

void Lab::HandleDatagram(Instant now, SocketNumber socket, const Endpoint& from,
                         ByteView datagram) {
  Advance(now);
  ++received_;
  if (!sockets_.contains(socket) || streams_.contains(socket)) {
    return;
  }
  ++received_at_[socket];
  if (stun::Message::Parse(datagram)) {
    Deliver(socket, from, datagram);
  } else {
    DeliverRaw(socket, from, datagram);
  }
  RunReady();
}

void Lab::HandleStreamData(Instant now, SocketNumber socket, ByteView bytes) {
  Advance(now);
  const auto found = streams_.find(socket);
  if (found == streams_.end() || !sockets_.contains(socket)) {
    return;
  }
  Stream& stream = found->second;
  if (raw_expectations_.contains(socket)) {
    const size_t room = kMaxRaw - std::min(stream.raw.size(), kMaxRaw);
    const ByteView kept = bytes.first(std::min(bytes.size(), room));
    stream.raw.insert(stream.raw.end(), kept.begin(), kept.end());
    if (stream.raw.size() >= kMaxRaw ||
        AsText(stream.raw).find("\r\n\r\n") != std::string_view::npos) {
      DeliverRaw(socket, stream.to, stream.raw);
    }
  } else {
    stream.framer.Push(bytes);
    for (auto message = stream.framer.Next(); message && !message->empty();
         message = stream.framer.Next()) {
      Deliver(socket, stream.to, *message);
    }
  }
  RunReady();
}

void Lab::Deliver(SocketNumber socket, const Endpoint& from, ByteView bytes) {
  const auto message = stun::Message::Parse(bytes);
  if (!message) {
    return;
  }
  const auto found = expectations_.find(message->id());
  if (found == expectations_.end() || found->second->arrival_) {
    return;
  }
  Arrival arrival = Read(*message);
  arrival.socket = socket;
  arrival.from = from;
  found->second->Arrive(std::move(arrival));
}

void Lab::DeliverRaw(SocketNumber socket, const Endpoint& from,
                     ByteView bytes) {
  const auto found = raw_expectations_.find(socket);
  if (found == raw_expectations_.end() || found->second->arrival_) {
    return;
  }
  Arrival arrival;
  arrival.socket = socket;
  arrival.from = from;
  const ByteView kept = bytes.first(std::min(bytes.size(), kMaxRaw));
  arrival.raw.assign(kept.begin(), kept.end());
  arrival.size = bytes.size();
  found->second->Arrive(std::move(arrival));
}

void Lab::HandleIcmpError(Instant now, SocketNumber socket,
                          const IcmpNotice& notice) {
  Advance(now);
  for (const auto& [id, expectation] : expectations_) {
    if (expectation->socket_ == socket && !expectation->arrival_ &&
        expectation->icmp_about_ == notice.to) {
      Arrival arrival;
      arrival.socket = socket;
      arrival.from = {.address = notice.from, .port = 0};
      arrival.icmp = notice;
      expectation->Arrive(std::move(arrival));
      break;
    }
  }
  RunReady();
}

void Lab::HandleTimeout(Instant now) {
  Advance(now);
  while (!deadlines_.empty() && deadlines_.begin()->first.first <= now_) {
    Wake(*deadlines_.begin()->second);
    RunReady();
  }
}

std::optional<BehaviorAction> Lab::PollAction() {
  return TakeFront(actions_);
}

std::optional<Instant> Lab::NextTimeout() const {
  if (!actions_.empty()) {
    return now_;
  }
  if (deadlines_.empty()) {
    return std::nullopt;
  }
  return deadlines_.begin()->first.first;
}

void Lab::Close(SocketNumber socket) {
  sockets_.erase(socket);
  streams_.erase(socket);
  received_at_.erase(socket);
  actions_.emplace_back(CloseSocket{socket});
}

void Lab::Advance(Instant now) {
  now_ = std::max(now_, now);
}

void Lab::Wake(Waiter& waiter) {
  if (waiter.deadline_) {
    deadlines_.erase(*waiter.deadline_);
    waiter.deadline_.reset();
  }
  if (waiter.handle_) {
    ready_.push_back(std::exchange(waiter.handle_, nullptr));
  }
}

void Lab::RunReady() {
  if (is_running_) {
    return;
  }
  is_running_ = true;
  while (!ready_.empty()) {
    const std::coroutine_handle<> handle = ready_.front();
    ready_.pop_front();
    handle.resume();
  }
  is_running_ = false;
}

Instant Lab::ReserveSlot(const IpAddress& server) {
  const Duration between = Duration(std::chrono::seconds(1)) /
                           std::max(config_.transactions_per_second, 1U);
  Instant& next = next_slot_.try_emplace(server, now_).first->second;
  const Instant slot = std::max(next, now_);
  next = slot + between;
  return slot;
}

Instant Lab::ReserveCopy(const Request& request) {
  if (request.response_port == 0) {
    return now_;
  }
  Instant& next =
      next_response_port_.try_emplace(request.to.address, now_).first->second;
  const Instant slot = std::max(next, now_);
  next = slot + config_.response_port_interval;
  return slot;
}

std::vector<uint8_t> Lab::Build(const Request& request,
                                const stun::TransactionId& id) const {
  std::array<uint8_t, kMaxRequestSize> buffer{};
  stun::MessageBuilder builder(buffer, stun::kBindingRequest, id);
  if (request.change != stun::attr::ChangeRequestValue{}) {
    builder.Add<stun::attr::ChangeRequest>(request.change);
  }
  if (request.response_port != 0) {
    builder.Add<stun::attr::ResponsePort>(request.response_port);
  }
  if (request.padding != 0) {
    const std::vector<uint8_t> zeros(
        std::min(request.padding, kMaxRequestSize - 64));
    builder.Add<stun::attr::Padding>(zeros);
  }
  if (request.options) {
    builder.Add<stun::attr::ProbeOptions>(*request.options);
  }
  if (!request.filler.empty()) {
    builder.Add<stun::attr::Filler>(request.filler);
  } else if (request.padding == 0) {
    // Servers that never send more than they got answer us, too.
    stun::AddFiller(builder, request.to.address);
  }
  const auto message = builder.Finish();
  NATKIT_CHECK(message.has_value());
  return {message->begin(), message->end()};
}

Probe Lab::MakeProbe(const Request& request) const {
  Probe probe;
  probe.at = now_ - started_;
  probe.local = request.local;
  probe.to = request.to;
  probe.asked = DescribeRequest(request);
  return probe;
}

}  // namespace natkit::nat::behavior
