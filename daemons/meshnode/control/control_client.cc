#include "control/control_client.h"

#include <chrono>
#include <csignal>
#include <optional>

#include "control/control_lines.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/signal_watcher.h"
#include "natkit/io/timer.h"
#include "natkit/io/unix_socket.h"

namespace natkit::meshnode {

namespace {

/// A status of many peers is one line; nothing a node sends is longer.
constexpr size_t kMaxAnswerLine = size_t{16} * 1024 * 1024;

double UnixSeconds() {
  return std::chrono::duration<double>(
             io::EventLoop::UnixNow().time_since_epoch())
      .count();
}

using Ended = std::expected<ExchangeEnd, ControlFailure>;

Ended Failed(const std::string& text, int exit_code = kExitFailure) {
  return std::unexpected(ControlFailure{text, exit_code});
}

Ended DescribeClosed(Errc reason, const std::string& path) {
  switch (reason) {
    case Errc::kNotFound:
    case Errc::kConnectionRefused:
      return Failed(
          "no node answers at " + path + "; is `meshnode up` running?",
          kExitNotRunning);
    case Errc::kPermissionDenied:
      return Failed("may not open " + path +
                    ": only the user who runs the node may (try sudo)");
    default:
      return Failed("the connection to " + path +
                    " broke: " + DescribeError(reason));
  }
}

class Conversation {
 public:
  Conversation(const std::string& path, AnswerHandler on_answer,
               Duration silence)
      : path_(path),
        on_answer_(std::move(on_answer)),
        silence_(silence),
        timer_(loop_, [this] { Finish(Failed(path_ + " does not answer")); }),
        signals_(loop_, {SIGINT, SIGTERM},
                 [this](int) { Finish(ExchangeEnd::kInterrupted); }),
        stream_(io::UnixStream::Connect(
            loop_, path,
            {.on_connected = {},
             .on_data = [this](ByteView bytes) { TakeBytes(bytes); },
             .on_drained = {},
             .on_closed = [this](Errc reason) { HandleClosed(reason); }})) {}

  Ended Run(const ControlRequest& request) {
    stream_.Write(AsBytes(FormatRequest(request)));
    timer_.Arm(io::EventLoop::Now() + silence_);
    loop_.Run();
    return std::move(*end_);
  }

 private:
  void TakeBytes(ByteView bytes) {
    timer_.Arm(io::EventLoop::Now() + silence_);
    lines_.Append(bytes);
    while (const auto line = lines_.Next()) {
      const auto answer = ParseAnswer(*line, UnixSeconds());
      if (!answer) {
        Finish(Failed(answer.error()));
        return;
      }
      if (!on_answer_(*answer)) {
        Finish(ExchangeEnd::kComplete);
        return;
      }
    }
    if (lines_.overflowed()) {
      Finish(Failed("the node's answer does not end"));
    }
  }

  void HandleClosed(Errc reason) {
    if (reason == Errc::kClosed || reason == Errc::kConnectionReset) {
      Finish(ExchangeEnd::kClosed);
    } else {
      Finish(DescribeClosed(reason, path_));
    }
  }

  void Finish(Ended end) {
    if (!end_) {
      end_ = std::move(end);
    }
    loop_.Stop();
  }

  const std::string path_;
  AnswerHandler on_answer_;
  Duration silence_;
  LineBuffer lines_{kMaxAnswerLine};
  std::optional<Ended> end_;
  io::EventLoop loop_;
  io::Timer timer_;
  io::SignalWatcher signals_;
  io::UnixStream stream_;
};

}  // namespace

int FailWith(std::string_view command, const ControlFailure& failure) {
  FailWith(command, failure.text);
  return failure.exit_code;
}

Ended Exchange(const std::string& path, const ControlRequest& request,
               AnswerHandler on_answer, Duration silence) {
  io::IgnoreBrokenPipes();
  Conversation conversation(path, std::move(on_answer), silence);
  return conversation.Run(request);
}

}  // namespace natkit::meshnode
