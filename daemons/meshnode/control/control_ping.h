#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "control/control_protocol.h"

namespace natkit::meshnode {

/// The schedule of one `meshnode ping`: when to send, what is overdue, when it
/// is over. Pure; the answers it wants sent are lines of the control protocol.
class PingRun {
 public:
  PingRun(PingRequest request, Instant now);

  /// When the next request is due or the next reply overdue; nullopt once done.
  [[nodiscard]] std::optional<Instant> NextTimeout() const;
  void HandleTimeout(Instant now);
  void HandleReply(uint32_t sequence, Duration rtt, const mesh::Path& path);

  /// The next request to send, from 1 on.
  [[nodiscard]] std::optional<uint32_t> PollSend();
  /// The next line for the client.
  [[nodiscard]] std::optional<std::string> PollLine();

  [[nodiscard]] const std::string& peer() const { return request_.peer; }

  [[nodiscard]] bool is_done() const { return is_done_; }

 private:
  [[nodiscard]] bool has_more_to_send() const;
  void FinishIfDone();

  PingRequest request_;
  Instant next_send_;
  uint32_t sent_ = 0;
  uint32_t received_ = 0;
  bool is_done_ = false;
  std::map<uint32_t, Instant> overdue_at_;
  std::deque<uint32_t> sends_;
  std::deque<std::string> lines_;
};

}  // namespace natkit::meshnode
