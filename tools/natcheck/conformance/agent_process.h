#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent_frame.h"
#include "natkit/base/bytes.h"
#include "natkit/base/time.h"
#include "run/files.h"

namespace natkit::natcheck::conformance {

/// A child process that is an agent, or leads to one, and the two pipes to it.
///
/// Nothing here waits for the agent: what it does not take at once waits in a
/// bounded backlog, and Trouble() says when that has lasted too long. Packets
/// that wait are no test of anything, so a run is then over.
class AgentProcess {
 public:
  /// An agent that takes nothing for so long has stalled.
  static constexpr Duration kStall = std::chrono::seconds(5);
  /// Bytes that wait for it at most.
  static constexpr size_t kMaxBacklog = size_t{4} << 20;

  /// Runs `command` by the shell.
  explicit AgentProcess(const std::string& command);
  /// Ends its standard input and gives it two seconds to end; then kills it.
  ~AgentProcess();
  AgentProcess(const AgentProcess&) = delete;
  AgentProcess& operator=(const AgentProcess&) = delete;

  /// To poll for POLLIN; then Read().
  [[nodiscard]] int output() const { return from_.get(); }

  /// To poll for POLLOUT if has_backlog(); then Flush().
  [[nodiscard]] int input() const { return to_.get(); }

  [[nodiscard]] bool has_backlog() const { return !backlog_.empty(); }

  /// Takes what it has said. False: it has ended.
  [[nodiscard]] bool Read();

  [[nodiscard]] std::optional<Frame> Next() { return reader_.Next(); }

  /// How it ended, for people: "ended with status 127". Waits for a moment.
  [[nodiscard]] std::string Ending();

  /// Never blocks. Beyond kMaxBacklog packets are dropped, and Trouble() says
  /// so.
  void Send(Instant now, ByteView packet);
  void Flush(Instant now);

  /// Why the run cannot go on, for people; empty if it can. Ask now and then:
  /// it is how a stall is noticed.
  [[nodiscard]] std::string Trouble(Instant now);

 private:
  /// Bytes in the backlog and in the pipe.
  [[nodiscard]] size_t Untaken() const;
  [[nodiscard]] bool HasEndedBy(Instant deadline) const;

  pid_t child_ = -1;
  netsim::FileDescriptor to_;
  netsim::FileDescriptor from_;
  FrameReader reader_;
  std::vector<uint8_t> backlog_;
  uint64_t given_ = 0;  ///< bytes, also those that wait
  uint64_t taken_ = 0;  ///< as of `taken_at_`
  Instant taken_at_;    ///< when it had last taken something, or had all
  bool has_overflown_ = false;
};

}  // namespace natkit::natcheck::conformance
