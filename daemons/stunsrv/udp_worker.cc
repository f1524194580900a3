#include "udp_worker.h"

#include <algorithm>
#include <array>
#include <utility>

#include "natkit/io/event_loop.h"
#include "natkit/shell/logging.h"

namespace natkit::stunsrv {

namespace {

// What ReadinessSet calls the descriptors that are no client sockets.
constexpr uint32_t kWakeNumber = 0xFFFFFFFF;
constexpr uint32_t kLinkNumber = 0xFFFFFFFE;

/// Batches from one socket before the others get their turn.
constexpr int kBatchesPerTurn = 8;

}  // namespace

shell::Outcome<std::unique_ptr<UdpWorker>> UdpWorker::Start(State state) {
  auto readiness = io::ReadinessSet::Make();
  auto wake_up = io::WakeUp::Make();
  if (!readiness || !wake_up || !readiness->Add(wake_up->fd(), kWakeNumber)) {
    return std::unexpected("cannot make a thread: out of descriptors");
  }
  return std::unique_ptr<UdpWorker>(new UdpWorker(
      *std::move(readiness), *std::move(wake_up), std::move(state)));
}

UdpWorker::UdpWorker(io::ReadinessSet readiness, io::WakeUp wake_up,
                     State state)
    : readiness_(std::move(readiness)),
      wake_up_(std::move(wake_up)),
      state_(std::move(state)),
      pacer_(state_.gather_time) {
  Watch(state_);
  thread_ = std::thread([this] { Run(); });
}

UdpWorker::~UdpWorker() {
  Stop();
}

void UdpWorker::Update(State state) {
  {
    const std::scoped_lock lock(mutex_);
    update_ = std::move(state);
    is_updating_ = true;
  }
  wake_up_.Signal();
}

void UdpWorker::WaitForUpdate() {
  std::unique_lock lock(mutex_);
  updated_.wait(lock, [this] { return !is_updating_; });
}

UdpCounters UdpWorker::counters() const {
  const std::scoped_lock lock(mutex_);
  return published_;
}

void UdpWorker::Run() {
  std::array<uint32_t, 16> ready{};
  while (!is_stopping_) {
    const size_t count = readiness_.Wait(ready);
    // An update changes what the numbers mean: the rest is asked for again.
    bool is_updated = false;
    for (size_t i = 0; i < count && !is_updated; ++i) {
      if (ready[i] == kWakeNumber) {
        wake_up_.Clear();
        TakeUpdate();
        is_updated = true;
      } else if (ready[i] == kLinkNumber) {
        ServeLink();
      } else {
        Serve(*state_.sockets[ready[i]]);
      }
    }
    Publish();
    LetGather();
  }
  // What had arrived before the end was asked for still gets its answer.
  for (const SharedSocket& socket : state_.sockets) {
    Serve(*socket);
  }
  Publish();
}

void UdpWorker::LetGather() {
  const Duration pause =
      pacer_.PauseAfter(io::EventLoop::Now(), counters_.server.received);
  if (pause > Duration::zero()) {
    std::this_thread::sleep_for(pause);
  }
}

void UdpWorker::Stop() {
  if (thread_.joinable()) {
    is_stopping_ = true;
    wake_up_.Signal();
    thread_.join();
  }
}

void UdpWorker::TakeUpdate() {
  std::optional<State> update;
  {
    const std::scoped_lock lock(mutex_);
    update.swap(update_);
  }
  if (!update) {
    return;
  }
  for (const SharedSocket& socket : state_.sockets) {
    readiness_.Remove(socket->fd());
    if (std::ranges::find(update->sockets, socket) == update->sockets.end()) {
      retired_truncated_ += socket->counters().truncated;
      retired_send_errors_ += socket->counters().send_errors;
    }
  }
  if (state_.reads_link) {
    readiness_.Remove(state_.partner->socket().fd());
  }
  if (update->server == nullptr) {
    update->server = std::move(state_.server);
  } else {
    retired_ += state_.server->counters();
  }
  state_ = *std::move(update);
  pacer_ = TurnPacer(state_.gather_time);
  Watch(state_);
  const std::scoped_lock lock(mutex_);
  is_updating_ = update_.has_value();
  updated_.notify_all();
}

void UdpWorker::Watch(const State& state) {
  for (size_t i = 0; i < state.sockets.size(); ++i) {
    Watch(*state.sockets[i], static_cast<uint32_t>(i));
  }
  if (state.reads_link) {
    Watch(state.partner->socket(), kLinkNumber);
  }
}

void UdpWorker::Watch(const io::BatchSocket& socket, uint32_t number) {
  if (!readiness_.Add(socket.fd(), number)) {
    shell::Log(LogLevel::kError, socket.local_endpoint().ToString() +
                                     " is not served: the system cannot "
                                     "watch more sockets");
  }
}

void UdpWorker::Serve(io::BatchSocket& socket) {
  for (int i = 0; i < kBatchesPerTurn; ++i) {
    const size_t count = socket.Receive();
    if (count == 0) {
      return;
    }
    ++counters_.batches;
    ServeBatch(socket, count);
    if (count < io::BatchSocket::kMaxBatch) {
      return;
    }
  }
}

void UdpWorker::ServeBatch(io::BatchSocket& socket, size_t count) {
  const Instant now = io::EventLoop::Now();
  for (size_t i = 0; i < count; ++i) {
    const Endpoint local = socket.local(i);
    const Endpoint remote = socket.remote(i);
    const MutableBytes out = socket.response();
    const stun::ServerReply reply = state_.server->HandleDatagram(
        now, local, remote, socket.payload(i), out);
    if (reply.size == 0) {
      continue;
    }
    if (reply.from == local && reply.to == remote) {
      socket.Answer(i, reply.size);
    } else {
      Divert(reply, out.first(reply.size));
    }
  }
  socket.Flush();
}

void UdpWorker::Divert(const stun::ServerReply& reply, ByteView response) {
  const auto& partner = state_.partner;
  if (partner != nullptr && partner->Has(reply.from.address)) {
    partner->Send(
        {.from_port = reply.from.port, .to = reply.to, .response = response});
  } else {
    SendFrom(reply.from, reply.to, response);
  }
}

void UdpWorker::SendFrom(const Endpoint& from, const Endpoint& to,
                         ByteView response) {
  const auto sender =
      std::ranges::find_if(state_.senders, [&](const SharedSocket& socket) {
        const Endpoint& bound = socket->local_endpoint();
        return bound.port == from.port &&
               bound.address.family() == from.address.family() &&
               (bound.address == from.address ||
                bound.address.is_unspecified());
      });
  // From another address the response would be a lie: better none.
  if (sender == state_.senders.end() ||
      !(*sender)->SendTo(to, response, from.address)) {
    ++diverted_errors_;
  }
}

void UdpWorker::ServeLink() {
  PartnerShell& partner = *state_.partner;
  const size_t count = partner.socket().Receive();
  for (size_t i = 0; i < count; ++i) {
    const auto order = partner.Open(partner.socket().payload(i));
    if (order) {
      const IpAddress own = partner.OwnAddress(order->to.address.family());
      SendFrom({own, order->from_port}, order->to, order->response);
    }
  }
}

void UdpWorker::Publish() {
  counters_.server = retired_;
  counters_.server += state_.server->counters();
  counters_.truncated = retired_truncated_;
  counters_.send_errors = retired_send_errors_ + diverted_errors_;
  for (const SharedSocket& socket : state_.sockets) {
    counters_.truncated += socket->counters().truncated;
    counters_.send_errors += socket->counters().send_errors;
  }
  const std::scoped_lock lock(mutex_);
  published_ = counters_;
}

}  // namespace natkit::stunsrv
