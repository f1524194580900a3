#include "commands/ping_command.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <variant>

#include "control/control_client.h"
#include "control/control_options.h"
#include "natkit/base/text.h"

namespace natkit::meshnode {

namespace {

Duration Seconds(double value) {
  return std::chrono::duration_cast<Duration>(
      std::chrono::duration<double>(value));
}

std::string Fixed(double value, int decimals) {
  std::array<char, 64> text{};
  const int size =
      std::snprintf(text.data(), text.size(), "%.*f", decimals, value);
  return {text.data(), static_cast<size_t>(std::clamp(size, 0, 63))};
}

using Json = nlohmann::ordered_json;

void PrintLine(const Json& json) {
  std::cout << json.dump(-1, ' ', false, Json::error_handler_t::replace)
            << std::endl;
}

/// Prints answers as they come and adds them up.
class PingPrinter {
 public:
  explicit PingPrinter(bool is_json) : is_json_(is_json) {}

  /// False once the node is done.
  bool Handle(const ControlAnswer& answer) {
    return std::visit([this](const auto& a) { return this->Take(a); }, answer);
  }

  void PrintSummary() const {
    if (peer_.empty()) {
      return;
    }
    if (is_json_) {
      PrintJsonSummary();
      return;
    }
    std::cout << "--- " << peer_ << ": " << sent_ << " sent, " << received_
              << " received";
    if (received_ != 0) {
      std::cout << ", round trip min/avg/max " << Fixed(least_, 1) << "/"
                << Fixed(sum_ / received_, 1) << "/" << Fixed(most_, 1)
                << " ms";
    }
    std::cout << std::endl;
  }

  [[nodiscard]] bool has_reply() const { return received_ != 0; }

 private:
  void PrintJsonSummary() const {
    Json times = nullptr;
    if (received_ != 0) {
      times = {{"min", least_}, {"avg", sum_ / received_}, {"max", most_}};
    }
    PrintLine({{"peer", peer_},
               {"address", address_},
               {"sent", sent_},
               {"received", received_},
               {"round_trip_ms", std::move(times)}});
  }

  bool Take(const PingStarted& started) {
    // JSON escapes for itself.
    peer_ = is_json_ ? started.peer : EscapeControls(started.peer);
    address_ = is_json_ ? started.address : EscapeControls(started.address);
    return true;
  }

  bool Take(const PingAnswered& reply) {
    if (is_json_) {
      PrintLine({{"peer", peer_},
                 {"address", address_},
                 {"seq", reply.sequence},
                 {"time_ms", reply.time_ms},
                 {"path", reply.path}});
      return Add(reply);
    }
    if (!path_.empty() && path_ != reply.path) {
      std::cout << "path changed: " << path_ << " -> " << reply.path << '\n';
    }
    path_ = reply.path;
    std::cout << "reply from " << peer_ << " (" << address_
              << "): seq=" << reply.sequence
              << " time=" << Fixed(reply.time_ms, 1) << " ms via " << reply.path
              << std::endl;
    return Add(reply);
  }

  bool Add(const PingAnswered& reply) {
    sent_ = std::max(sent_, reply.sequence);
    least_ = received_ == 0 ? reply.time_ms : std::min(least_, reply.time_ms);
    most_ = std::max(most_, reply.time_ms);
    sum_ += reply.time_ms;
    ++received_;
    return true;
  }

  bool Take(const PingLost& lost) {
    sent_ = std::max(sent_, lost.sequence);
    if (is_json_) {
      PrintLine({{"peer", peer_},
                 {"address", address_},
                 {"seq", lost.sequence},
                 {"time_ms", nullptr}});
      return true;
    }
    std::cout << "no reply from " << peer_ << " (" << address_
              << "): seq=" << lost.sequence << std::endl;
    return true;
  }

  bool Take(const PingDone& done) {
    sent_ = done.sent;
    return false;
  }

  static bool Take(const StatusAnswer&) { return true; }

  static bool Take(const WhyAnswer&) { return true; }

  static bool Take(const ResultAnswer&) { return true; }

  static bool Take(const Stopping&) { return true; }

  bool is_json_;
  std::string peer_;
  std::string address_;
  std::string path_;
  uint32_t sent_ = 0;
  uint32_t received_ = 0;
  double least_ = 0;
  double most_ = 0;
  double sum_ = 0;
};

struct PingOptions {
  PingRequest request;
  double interval = 1;
  double wait = 2;
  bool is_json = false;
  ControlTarget target;
};

void AddOptions(CLI::App& app, PingOptions& options) {
  app.add_option("peer", options.request.peer, "Name of the peer")->required();
  app.add_option("-c,--count", options.request.count,
                 "How many requests (default: until Ctrl-C)")
      ->check(CLI::Range(1U, 1000000U));
  app.add_option("-i,--interval", options.interval,
                 "Seconds between two requests")
      ->check(CLI::Range(0.01, 3600.0))
      ->capture_default_str();
  app.add_option("-W,--wait", options.wait, "Seconds to wait for each reply")
      ->check(CLI::Range(0.01, 3600.0))
      ->capture_default_str();
  app.add_flag("--json", options.is_json,
               "Print one JSON object a line, the last one with the sums");
  AddControlOptions(app, options.target);
}

}  // namespace

int RunPing(int argc, char** argv) {
  CLI::App app("Pings a peer through the mesh and shows the path it takes.",
               "meshnode ping");
  PingOptions options;
  AddOptions(app, options);
  if (const auto code = ParseArguments(app, argc, argv)) {
    return *code;
  }
  options.request.interval = Seconds(options.interval);
  options.request.wait = Seconds(options.wait);
  const auto path = ClientSocketPath(options.target);
  if (!path) {
    return FailWith("ping", path.error());
  }
  PingPrinter printer(options.is_json);
  const Duration silence = options.request.interval + options.request.wait +
                           std::chrono::seconds(10);
  const auto end = Exchange(
      *path, options.request,
      [&printer](const ControlAnswer& answer) {
        return printer.Handle(answer);
      },
      silence);
  if (!end) {
    return FailWith("ping", end.error());
  }
  printer.PrintSummary();
  if (*end == ExchangeEnd::kClosed) {
    return FailWith("ping", "the node ended the connection");
  }
  return printer.has_reply() ? kExitOk : kExitFailure;
}

}  // namespace natkit::meshnode
