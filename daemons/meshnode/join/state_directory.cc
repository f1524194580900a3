#include "join/state_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "natkit/base/encoding.h"
#include "natkit/base/secret.h"
#include "natkit/io/file.h"
#include "natkit/shell/error_text.h"
#include "natkit/shell/files.h"

namespace natkit::meshnode {

namespace {

constexpr const char* kMachineKey = "machine.key";
constexpr const char* kNodeKey = "node.key";
constexpr const char* kNextKey = "node.next.key";
constexpr const char* kSignallingKey = "signalling.key";
constexpr const char* kMap = "map";
constexpr const char* kSettings = "settings.json";
constexpr size_t kMaxSettings = size_t{64} * 1024;
constexpr const char* kLock = "lock";
constexpr std::string_view kMapLabel = "natkit saved map v1";
constexpr size_t kMaxMap = size_t{512} << 20;

bool Exists(const std::string& path) {
  return access(path.c_str(), F_OK) == 0;
}

Outcome<void> Write(const std::string& path, ByteView content) {
  const auto written = io::WriteFileAtomically(path, content);
  if (!written) {
    return std::unexpected(shell::SystemError("cannot write " + path));
  }
  return {};
}

Outcome<void> WriteKey(const std::string& path, const StaticPrivateKey& key) {
  std::string text = ToBase64(key.Expose()) + "\n";
  auto written = Write(path, AsBytes(text));
  WipeBytes({reinterpret_cast<uint8_t*>(text.data()), text.size()});
  return written;
}

/// What is signed: the label, so that it is nothing else, and the map.
std::vector<uint8_t> Labelled(ByteView map) {
  std::vector<uint8_t> message(kMapLabel.size() + map.size());
  std::ranges::copy(AsBytes(kMapLabel), message.begin());
  std::ranges::copy(map, message.begin() + kMapLabel.size());
  return message;
}

}  // namespace

Outcome<StateDirectory> StateDirectory::Open(const std::string& path,
                                             Rng& rng) {
  if (mkdir(path.c_str(), S_IRWXU) != 0 && errno != EEXIST) {
    return std::unexpected(
        shell::SystemError("cannot make the folder " + path));
  }
  struct stat status{};
  if (stat(path.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) {
    return std::unexpected(path + " is not a folder");
  }
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return std::unexpected(path +
                           " holds secret keys but others may enter it; run "
                           "'chmod 700 " +
                           path + "'");
  }
  io::UniqueFd lock(open((path + "/" + kLock).c_str(),
                         O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (lock.get() < 0) {
    return std::unexpected(shell::SystemError("cannot write to " + path));
  }
  if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return std::unexpected("another meshnode runs with the state in " + path +
                           "; stop it first, or choose another with --state");
  }
  StateDirectory directory(path, std::move(lock));
  for (const char* name : {kMachineKey, kNodeKey, kSignallingKey}) {
    if (!Exists(directory.File(name))) {
      const auto made = WriteKey(directory.File(name), GeneratePrivateKey(rng));
      if (!made) {
        return std::unexpected(made.error());
      }
    }
  }
  return directory;
}

Outcome<NodeSecrets> StateDirectory::LoadSecrets() const {
  auto machine = shell::LoadKeyFile(File(kMachineKey));
  auto node = shell::LoadKeyFile(File(kNodeKey));
  auto signalling = shell::LoadKeyFile(File(kSignallingKey));
  for (const auto* key : {&machine, &node, &signalling}) {
    if (!*key) {
      return std::unexpected(key->error());
    }
  }
  NodeSecrets secrets{.machine = mesh::MachineSeed(machine->Expose()),
                      .node = std::move(*node),
                      .next_node = std::nullopt,
                      .signalling = std::move(*signalling)};
  if (Exists(File(kNextKey))) {
    auto next = shell::LoadKeyFile(File(kNextKey));
    if (!next) {
      return std::unexpected(next.error());
    }
    secrets.next_node = std::move(*next);
  }
  return secrets;
}

std::optional<mesh::WallTime> StateDirectory::NodeKeyTime() const {
  struct stat status{};
  if (stat(File(kNodeKey).c_str(), &status) != 0) {
    return std::nullopt;
  }
  return mesh::WallTime(std::chrono::seconds(status.st_mtim.tv_sec));
}

Outcome<void> StateDirectory::SaveNextKey(const StaticPrivateKey& next) const {
  return WriteKey(File(kNextKey), next);
}

Outcome<void> StateDirectory::PromoteNextKey() const {
  if (rename(File(kNextKey).c_str(), File(kNodeKey).c_str()) != 0) {
    return std::unexpected(
        shell::SystemError("cannot replace " + File(kNodeKey)));
  }
  const io::UniqueFd folder(
      open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0 || fsync(folder.get()) != 0) {
    return std::unexpected(shell::SystemError("cannot write to " + path_));
  }
  return {};
}

Outcome<void> StateDirectory::DropNextKey() const {
  if (unlink(File(kNextKey).c_str()) != 0 && errno != ENOENT) {
    return std::unexpected(
        shell::SystemError("cannot remove " + File(kNextKey)));
  }
  return {};
}

Outcome<void> StateDirectory::SaveMap(const mesh::MachineIdentity& machine,
                                      const mesh::MapReplica& map) const {
  const std::vector<uint8_t> saved = map.Save();
  const mesh::MachineSignature signature = machine.Sign(Labelled(saved));
  std::vector<uint8_t> content(signature.begin(), signature.end());
  content.insert(content.end(), saved.begin(), saved.end());
  return Write(File(kMap), content);
}

Outcome<std::optional<mesh::MapReplica>> StateDirectory::LoadMap(
    const mesh::MachineKey& machine) const {
  if (!Exists(File(kMap))) {
    return std::nullopt;
  }
  const auto content = io::ReadFile(File(kMap), kMaxMap);
  if (!content) {
    return std::unexpected("cannot read " + File(kMap) + ": " +
                           DescribeError(content.error().code));
  }
  mesh::MachineSignature signature{};
  ByteReader in(*content);
  if (!in.ReadInto(signature)) {
    return std::unexpected(File(kMap) + " is cut short");
  }
  const ByteView saved = in.ReadRest();
  if (!mesh::VerifyMachineSignature(machine, Labelled(saved), signature)) {
    return std::unexpected(File(kMap) +
                           " is damaged or was written by another machine");
  }
  auto map = mesh::MapReplica::Load(saved);
  if (!map) {
    return std::unexpected(File(kMap) + " cannot be read by this version");
  }
  return std::optional(std::move(*map));
}

std::string StateDirectory::settings_file() const {
  return File(kSettings);
}

Outcome<std::optional<std::string>> StateDirectory::LoadSettings() const {
  if (!Exists(File(kSettings))) {
    return std::nullopt;
  }
  const auto content = io::ReadFile(File(kSettings), kMaxSettings);
  if (!content) {
    return std::unexpected("cannot read " + File(kSettings) + ": " +
                           DescribeError(content.error().code));
  }
  return std::string(AsText(*content));
}

Outcome<void> StateDirectory::SaveSettings(std::string_view text) const {
  return Write(File(kSettings), AsBytes(text));
}

void StateDirectory::Forget() const {
  for (const char* name :
       {kMachineKey, kNodeKey, kNextKey, kSignallingKey, kMap, kSettings}) {
    (void)unlink(File(name).c_str());
  }
}

void StateDirectory::DropMap() const {
  (void)unlink(File(kMap).c_str());
}

}  // namespace natkit::meshnode
