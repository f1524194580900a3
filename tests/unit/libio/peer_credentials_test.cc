#include "natkit/io/peer_credentials.h"

#include <grp.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "natkit/io/unique_fd.h"
#include "natkit/io/unix_socket.h"
#include "temporary_folder.h"

namespace natkit::io {
namespace {

using namespace std::chrono_literals;

constexpr uid_t kOtherUser = 54321;
constexpr gid_t kOtherGroup = 54322;
constexpr std::array<gid_t, 2> kMoreGroups = {54323, 54324};

struct SocketPair {
  UniqueFd one;
  UniqueFd other;

  explicit SocketPair(int domain) {
    std::array<int, 2> fds{};
    EXPECT_EQ(::socketpair(domain, SOCK_STREAM, 0, fds.data()), 0);
    one = UniqueFd(fds[0]);
    other = UniqueFd(fds[1]);
  }
};

/// A child process of another user that connects to `path` and waits for its
/// end; must run as root.
pid_t ConnectAsOther(const std::string& path) {
  const pid_t child = ::fork();
  if (child != 0) {
    return child;
  }
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::ranges::copy(path, address.sun_path);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  char byte = 0;
  const bool is_done =
      ::setgroups(kMoreGroups.size(), kMoreGroups.data()) == 0 &&
      ::setgid(kOtherGroup) == 0 && ::setuid(kOtherUser) == 0 &&
      ::connect(fd, reinterpret_cast<const sockaddr*>(&address),
                sizeof address) == 0 &&
      ::read(fd, &byte, 1) == 0;
  ::_exit(is_done ? 0 : 1);
}

TEST(PeerCredentials, AreThoseOfTheOtherEnd) {
  const SocketPair pair(AF_UNIX);
  const auto peer = ReadPeerCredentials(pair.one.get());
  ASSERT_TRUE(peer.has_value());
  EXPECT_EQ(peer->user, ::geteuid());
  EXPECT_EQ(peer->group, ::getegid());
  EXPECT_EQ(peer->process, ::getpid());
  EXPECT_TRUE(peer->IsInGroup(::getegid()));
}

TEST(PeerCredentials, AreOfConnectedUnixSocketsOnly) {
  const UniqueFd unconnected(::socket(AF_UNIX, SOCK_STREAM, 0));
  const UniqueFd tcp(::socket(AF_INET, SOCK_STREAM, 0));
  for (const int fd : {unconnected.get(), tcp.get()}) {
    const auto peer = ReadPeerCredentials(fd);
    ASSERT_FALSE(peer.has_value());
    EXPECT_EQ(peer.error().code, Errc::kUnsupported);
  }
  EXPECT_FALSE(ReadPeerCredentials(-1).has_value());
}

TEST(PeerCredentials, TellAnotherUserWithItsGroups) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "needs root to become another user";
  }
  const TemporaryFolder folder;
  ASSERT_EQ(::chmod(folder.path.c_str(), 0755), 0);
  EventLoop loop;
  std::optional<UnixStream> accepted;
  const auto listener = UnixListener::Listen(
      loop, folder / "s",
      [&](UnixStream stream) { accepted.emplace(std::move(stream)); }, {},
      UnixAccess::kEveryone);
  ASSERT_TRUE(listener.has_value());
  const pid_t child = ConnectAsOther(folder / "s");
  ASSERT_TRUE(loop.RunUntil([&] { return accepted.has_value(); }, 20s));
  const auto peer = accepted->peer_credentials();
  accepted.reset();
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  ASSERT_TRUE(peer.has_value());
  EXPECT_EQ(peer->user, kOtherUser);
  EXPECT_EQ(peer->process, child);
  for (const gid_t group : {kOtherGroup, kMoreGroups[0], kMoreGroups[1]}) {
    EXPECT_TRUE(peer->IsInGroup(group)) << group;
  }
  EXPECT_FALSE(peer->IsInGroup(0));
}

TEST(UnixListener, ForEveryoneHasAModeThatLetsThemIn) {
  const TemporaryFolder folder;
  EventLoop loop;
  const auto listener = UnixListener::Listen(
      loop, folder / "s", [](const UnixStream&) {}, {}, UnixAccess::kEveryone);
  ASSERT_TRUE(listener.has_value());
  struct stat status{};
  ASSERT_EQ(::stat((folder / "s").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0666U);
}

}  // namespace
}  // namespace natkit::io
