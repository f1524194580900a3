#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "commands/command_support.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/file_watcher.h"
#include "natkit/mesh/control/message.h"

namespace natkit::meshnode {

/// "node:os", "node:osVersion" and "node:version" of this machine.
[[nodiscard]] mesh::Attributes SystemAttributes();

/// What another program says of the machine: a JSON object of texts (up to
/// 1,024 bytes), numbers and booleans, with names like "custom:diskEncrypted",
/// 32 at most. The error is a sentence for who wrote it.
[[nodiscard]] Outcome<mesh::Attributes> ParsePosture(std::string_view text);

/// What a node reports of its machine, for conditions of the policy
/// (docs/policy.md, "Machines"). While the file cannot be read nothing of it is
/// reported, so that rules that ask for it are closed.
class PostureReporter {
 public:
  /// `path` empty: no file. `on_change` follows the file's changes.
  PostureReporter(io::EventLoop& loop, std::string path,
                  std::function<void()> on_change);

  [[nodiscard]] const mesh::Attributes& attributes() const {
    return attributes_;
  }

 private:
  void Read();

  std::string path_;
  mesh::Attributes attributes_;
  std::optional<io::FileWatcher> watcher_;
};

}  // namespace natkit::meshnode
