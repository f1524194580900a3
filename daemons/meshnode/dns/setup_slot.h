#pragma once

#include <optional>
#include <string>
#include <utility>

#include "dns/programs.h"
#include "dns/setup_state.h"
#include "natkit/base/time.h"
#include "natkit/io/unique_fd.h"
#include "natkit/shell/outcome.h"

namespace natkit::meshnode {

/// One place on the system that one process at a time may change: resolv.conf,
/// or an interface's record. Whoever holds it also has the duty to undo; a
/// guardian holds it together with its parent.
class SetupSlot {
 public:
  /// Waits up to `wait` for another process to let go of it. The folder is
  /// made if it is not there.
  [[nodiscard]] static shell::Outcome<SetupSlot> Take(const std::string& folder,
                                                      const std::string& name,
                                                      Duration wait);

  /// What was changed and not yet undone.
  [[nodiscard]] std::optional<SetupState> Read() const;
  [[nodiscard]] shell::Outcome<void> Write(const SetupState& state) const;
  void Clear() const;
  /// Undoes what Read() says and clears it.
  [[nodiscard]] shell::Outcome<void> Undo(const Programs& programs) const;

  /// While it is open, the slot is held.
  [[nodiscard]] int lock() const { return lock_.get(); }

 private:
  SetupSlot(std::string path, io::UniqueFd lock)
      : path_(std::move(path)), lock_(std::move(lock)) {}

  std::string path_;
  io::UniqueFd lock_;
};

/// The name of an interface's record in resolvconf: one that both Debian's and
/// openresolv's put before those of the network.
[[nodiscard]] std::string ResolvconfRecord(const std::string& interface);

}  // namespace natkit::meshnode
