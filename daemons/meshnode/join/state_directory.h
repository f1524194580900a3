#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "commands/command_support.h"
#include "natkit/base/keys.h"
#include "natkit/base/rng.h"
#include "natkit/io/unique_fd.h"
#include "natkit/mesh/control/identity.h"
#include "natkit/mesh/control/map_replica.h"

namespace natkit::meshnode {

/// The secret keys of a node that joined a mesh. They were made here and never
/// leave.
struct NodeSecrets {
  mesh::MachineSeed machine;
  StaticPrivateKey node;
  std::optional<StaticPrivateKey> next_node;  ///< announced, not yet in use
  StaticPrivateKey signalling;
};

/// What a node keeps between two runs: its keys, and the map it saw last, so
/// that it works without its server. One folder, mode 0700, one process.
///
///   machine.key, node.key, node.next.key, signalling.key   base64, mode 0600
///   map          the saved map, signed with the machine key
///   settings.json    what `meshnode set` has changed
///
/// Every write is complete on disk or not at all.
class StateDirectory {
 public:
  /// Makes the folder and the keys that are missing. The error says what to do;
  /// also if another process has the folder.
  [[nodiscard]] static Outcome<StateDirectory> Open(const std::string& path,
                                                    Rng& rng);

  [[nodiscard]] Outcome<NodeSecrets> LoadSecrets() const;
  /// When the node key was made.
  [[nodiscard]] std::optional<mesh::WallTime> NodeKeyTime() const;
  /// A rotation of the node key is under way: survives a crash.
  [[nodiscard]] Outcome<void> SaveNextKey(const StaticPrivateKey& next) const;
  /// The announced key is the node's key from here on.
  [[nodiscard]] Outcome<void> PromoteNextKey() const;
  [[nodiscard]] Outcome<void> DropNextKey() const;

  [[nodiscard]] Outcome<void> SaveMap(const mesh::MachineIdentity& machine,
                                      const mesh::MapReplica& map) const;
  /// nullopt: there is none. The error: it is damaged or another machine's.
  [[nodiscard]] Outcome<std::optional<mesh::MapReplica>> LoadMap(
      const mesh::MachineKey& machine) const;
  /// What NodeSettings::Format() made; nullopt: nothing was set.
  [[nodiscard]] Outcome<std::optional<std::string>> LoadSettings() const;
  [[nodiscard]] Outcome<void> SaveSettings(std::string_view text) const;
  /// Deletes all of it: the next run makes other keys.
  void Forget() const;
  /// Forgets the map: the node was removed from the mesh.
  void DropMap() const;

  [[nodiscard]] const std::string& path() const { return path_; }

  [[nodiscard]] std::string settings_file() const;

 private:
  StateDirectory(std::string path, io::UniqueFd lock)
      : path_(std::move(path)), lock_(std::move(lock)) {}

  [[nodiscard]] std::string File(const char* name) const {
    return path_ + "/" + name;
  }

  std::string path_;
  io::UniqueFd lock_;
};

}  // namespace natkit::meshnode
