#pragma once

#include <chrono>
#include <coroutine>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lab.h"
#include "task.h"
#include "verdict.h"

namespace natkit::natcheck::conformance {

/// How often and how patiently a probe is sent.
struct Persistence {
  int copies = 6;
  Duration interval = std::chrono::milliseconds(250);
  /// After the last copy; longer where packets take long.
  Duration patience = std::chrono::milliseconds(500);
};

/// One running test: its evidence, its verdicts, and what it can do. Tests are
/// coroutines that take a Trial&.
class Trial {
 public:
  Trial(Lab& lab, std::string name);
  ~Trial();
  Trial(const Trial&) = delete;
  Trial& operator=(const Trial&) = delete;

  [[nodiscard]] Lab& lab() { return lab_; }

  // Verdicts and evidence.
  void Conclude(std::string_view requirement, Verdict verdict,
                std::string reason);
  void Note(std::string text);

  [[nodiscard]] const std::vector<Finding>& findings() const {
    return findings_;
  }

  // Sockets. Inside hosts and outside addresses go by their place in Site.
  [[nodiscard]] std::unique_ptr<Socket> Inside(IpProtocol protocol,
                                               size_t host = 0,
                                               uint16_t port = 0);
  [[nodiscard]] std::unique_ptr<Socket> Outside(IpProtocol protocol,
                                                size_t address = 0,
                                                uint16_t port = 0);

  // Waiting.

  /// Resumes when `is_met` or when `limit` has passed; yields which.
  class Wait {
   public:
    Wait(Trial& trial, Duration limit, std::function<bool()> is_met);
    Wait(const Wait&) = delete;
    Wait& operator=(const Wait&) = delete;
    ~Wait();

    [[nodiscard]] bool await_ready() { return is_met_ && is_met_(); }

    void await_suspend(std::coroutine_handle<> handle);

    bool await_resume() const { return !timed_out_; }

   private:
    friend class Trial;
    friend class Lab;
    Trial& trial_;
    Instant deadline_;
    std::function<bool()> is_met_;
    std::coroutine_handle<> handle_;
    bool timed_out_ = false;
  };

  [[nodiscard]] Wait Until(Duration limit, std::function<bool()> is_met) {
    return {*this, limit, std::move(is_met)};
  }

  /// How long a packet may take that is sent now.
  [[nodiscard]] Duration Patience() const { return lab_.crossing.Patience(); }

  [[nodiscard]] Wait Sleep(Duration time) { return {*this, time, nullptr}; }

  // Sending.
  void Send(Side side, std::vector<uint8_t> packet);
  /// One UDP datagram with `token` and `extra` more bytes. `to` as the sender
  /// writes it.
  void SendUdp(Socket& from, const Endpoint& to, uint64_t token,
               size_t extra = 0);

  /// Sends copies of a datagram, or of a SYN from a TCP socket, until one
  /// arrives at `at`; yields it, or nullopt if none did. Arriving elsewhere
  /// does not count.
  Task<std::optional<Seen>> Deliver(Socket& from, Endpoint to, Socket& at,
                                    Persistence how = {});
  /// Sends copies of any packet until `is_it` holds for something in the inbox
  /// of `at`, and takes that out.
  Task<std::optional<Seen>> Repeat(Side side, std::vector<uint8_t> packet,
                                   Socket& at,
                                   std::function<bool(const Seen&)> is_it,
                                   Persistence how = {});
  /// From an inside socket to an outside one: yields the mapped endpoint.
  Task<std::optional<Endpoint>> Out(Socket& from, Socket& to,
                                    Persistence how = {});
  /// From an outside socket to a mapped endpoint.
  Task<bool> In(Socket& from, Endpoint mapped, Socket& to,
                Persistence how = {});

 private:
  friend class Lab;

  Task<std::optional<Seen>> DeliverToken(Socket& from, Endpoint to, Socket& at,
                                         Persistence how);

  Lab& lab_;
  std::shared_ptr<Record> record_;
  std::vector<Finding> findings_;
  std::list<Wait*> waits_;
  void Add(Evidence evidence);
};

/// The first packet of the inbox that satisfies; taken out of it.
[[nodiscard]] std::optional<Seen> TakeFrom(
    std::deque<Seen>& inbox, const std::function<bool(const Seen&)>& is_it);

/// A SYN without ACK.
[[nodiscard]] bool IsSyn(const Seen& seen);
/// Of a TCP segment.
[[nodiscard]] uint32_t SequenceOf(const Seen& seen);

inline constexpr size_t kTokenPayloadSize = 24;

/// "NATKITCK", the token, and zero bytes. The token is written in letters, as
/// an ALG that rewrites addresses would find them among arbitrary bytes.
[[nodiscard]] std::vector<uint8_t> TokenPayload(uint64_t token,
                                                size_t extra = 0);

}  // namespace natkit::natcheck::conformance
