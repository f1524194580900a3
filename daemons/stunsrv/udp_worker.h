#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"
#include "natkit/io/batch_socket.h"
#include "natkit/io/readiness.h"
#include "natkit/nat/stun_server.h"
#include "natkit/shell/outcome.h"
#include "partner_shell.h"
#include "turn_pacer.h"

namespace natkit::stunsrv {

using SharedSocket = std::shared_ptr<io::BatchSocket>;

/// What UDP did beside the server's own counters.
struct UdpCounters {
  stun::ServerCounters server;
  uint64_t batches = 0;      ///< system calls that received something
  uint64_t truncated = 0;    ///< requests over 2304 bytes, dropped
  uint64_t send_errors = 0;  ///< responses the system did not take
};

/// One thread that serves UDP sockets with a StunServer of its own. Its sockets
/// and its server change by Update() alone.
class UdpWorker {
 public:
  /// What the thread is to go on with.
  struct State {
    std::unique_ptr<stun::StunServer> server;
    std::vector<SharedSocket> sockets;
    /// One for each address of the server, to send from: of `sockets`, or
    /// another thread's.
    std::vector<SharedSocket> senders;
    /// For orders to the partner; null: none.
    std::shared_ptr<PartnerShell> partner;
    /// Whether this worker reads the link, too.
    bool reads_link = false;
    /// How long requests may gather when many come.
    Duration gather_time{};
  };

  [[nodiscard]] static shell::Outcome<std::unique_ptr<UdpWorker>> Start(
      State state);
  ~UdpWorker();
  UdpWorker(const UdpWorker&) = delete;
  UdpWorker& operator=(const UdpWorker&) = delete;

  /// Replaces the state; sockets that are in the old one and the new one go on
  /// without a loss. A null server: the old one stays.
  void Update(State state);

  /// Returns once the last Update() holds, so that what it gave up is free.
  void WaitForUpdate();

  /// Answers what has arrived and ends the thread.
  void Stop();

  /// As of the last batch. Never goes backwards.
  [[nodiscard]] UdpCounters counters() const;

 private:
  UdpWorker(io::ReadinessSet readiness, io::WakeUp wake_up, State state);

  void Run();
  /// After a turn, if many requests come.
  void LetGather();
  void TakeUpdate();
  void Watch(const State& state);
  void Watch(const io::BatchSocket& socket, uint32_t number);
  void Serve(io::BatchSocket& socket);
  void ServeBatch(io::BatchSocket& socket, size_t count);
  void ServeLink();
  /// Sends a response from another endpoint, or to another, than the request
  /// went.
  void Divert(const stun::ServerReply& reply, ByteView response);
  /// Sends one datagram from an address of the server; counts it if it cannot.
  void SendFrom(const Endpoint& from, const Endpoint& to, ByteView response);
  void Publish();

  io::ReadinessSet readiness_;
  io::WakeUp wake_up_;

  // The thread's own.
  State state_;
  TurnPacer pacer_;
  stun::ServerCounters retired_;  // of servers that were replaced
  UdpCounters counters_;
  uint64_t retired_truncated_ = 0;
  uint64_t retired_send_errors_ = 0;
  uint64_t diverted_errors_ = 0;  // responses that SendFrom() could not send

  mutable std::mutex mutex_;  // guards the following
  std::optional<State> update_;
  bool is_updating_ = false;
  UdpCounters published_;
  std::condition_variable updated_;  // with mutex_

  std::atomic<bool> is_stopping_{false};
  std::thread thread_;
};

}  // namespace natkit::stunsrv
