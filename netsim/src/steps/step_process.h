#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "run/files.h"

namespace natkit::netsim {

/// A command at work on a member of a run, with both output streams in one
/// pipe. The process leads a group of its own, which ends with this object.
class StepProcess {
 public:
  static constexpr size_t kMaxOutput = 64 * 1024;

  /// Starts it; what goes wrong inside the member is its output and exit
  /// status 126 or 127.
  [[nodiscard]] static Outcome<StepProcess> Start(
      const std::string& id, const std::string& member,
      const std::vector<std::string>& command);

  StepProcess(StepProcess&& other) noexcept;
  StepProcess& operator=(StepProcess&& other) noexcept;
  ~StepProcess();

  /// Readable when there is output or its end; -1 after the end.
  [[nodiscard]] int output_fd() const { return output_.get(); }

  /// Readable when the process has ended; -1 once HandleExit() said so.
  [[nodiscard]] int exit_fd() const { return process_.get(); }

  /// Takes what can be read without waiting.
  void ReadOutput();
  /// Notes the exit status if the process has ended, and reads what is left.
  void HandleExit();

  [[nodiscard]] bool has_ended() const { return has_ended_; }

  /// "exit 3" or "signal 9"; only once it has ended.
  [[nodiscard]] std::string Ending() const;

  /// 128 + N if signal N ended it; nullopt if it has not ended.
  [[nodiscard]] std::optional<int> exit_status() const;

  /// The last kMaxOutput bytes.
  [[nodiscard]] const std::string& output() const { return text_; }

  /// Ends the process and all of its group, at once.
  void Kill();

 private:
  StepProcess(pid_t pid, FileDescriptor process, FileDescriptor output);

  pid_t pid_ = -1;
  FileDescriptor process_;
  FileDescriptor output_;
  std::string text_;
  bool has_ended_ = false;
  int status_ = 0;
};

}  // namespace natkit::netsim
