#include "admin_client.h"

#include <chrono>
#include <optional>
#include <utility>

#include "natkit/base/bytes.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/signal_watcher.h"
#include "natkit/io/timer.h"
#include "natkit/io/unix_socket.h"

namespace natkit::coordd {

namespace {

constexpr Duration kPatience = std::chrono::seconds(30);

std::string DescribeEnd(Errc reason, const std::string& path) {
  switch (reason) {
    case Errc::kNotFound:
    case Errc::kConnectionRefused:
      return "no server answers at " + path + "; is coordd running?";
    case Errc::kPermissionDenied:
      return "may not open " + path + " (try sudo)";
    default:
      return "the connection to " + path + " ended without an answer";
  }
}

}  // namespace

std::expected<std::string, AskError> Ask(const std::string& path,
                                         const std::string& request) {
  if (path.size() > io::kMaxUnixSocketPath) {
    return std::unexpected(AskError{
        .kind = AskFailure::kUnreachable,
        .text = "the path of a socket has at most " +
                std::to_string(io::kMaxUnixSocketPath) + " bytes, and " + path +
                " has " + std::to_string(path.size())});
  }
  io::IgnoreBrokenPipes();
  io::EventLoop loop;
  std::string answer;
  std::optional<std::string> failure;
  const auto fail = [&](std::string text) {
    failure = std::move(text);
    loop.Stop();
  };
  io::Timer timer(loop, [&] { fail(path + " does not answer"); });
  io::UnixStream stream = io::UnixStream::Connect(
      loop, path,
      {.on_connected = {},
       .on_data =
           [&](ByteView bytes) {
             answer += AsText(bytes);
             if (answer.ends_with('\n')) {
               loop.Stop();
             }
           },
       .on_drained = {},
       .on_closed = [&](Errc reason) { fail(DescribeEnd(reason, path)); }});
  stream.Write(AsBytes(request + "\n"));
  timer.Arm(io::EventLoop::Now() + kPatience);
  loop.Run();
  if (failure) {
    return std::unexpected(
        AskError{.kind = AskFailure::kUnreachable, .text = *failure});
  }
  answer.pop_back();
  return answer;
}

}  // namespace natkit::coordd
