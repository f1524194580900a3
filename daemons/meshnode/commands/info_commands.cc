#include "commands/info_commands.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <variant>

#include "control/control_client.h"
#include "control/control_options.h"
#include "control/node_info.h"
#include "natkit/io/event_loop.h"

namespace natkit::meshnode {

namespace {

constexpr std::string_view kRunning = "Running";
constexpr std::string_view kNeedsLogin = "NeedsLogin";
constexpr Duration kSilence = std::chrono::seconds(10);
constexpr useconds_t kLookAgain = 200'000;
constexpr double kLongWait = 30'000'000;  // s, a year: for good

/// Asks the node for its status; prints what goes wrong. Returns the exit code.
int AskStatus(std::string_view command, const ControlTarget& target,
              std::string& status) {
  return RunExchange(
      command, target, StatusRequest{}, [&status](const ControlAnswer& answer) {
        if (const auto* got = std::get_if<StatusAnswer>(&answer)) {
          status = got->json;
        }
        return false;
      });
}

/// What a status has to say first of what is not well; empty: nothing.
std::string FirstTrouble(const std::string& status) {
  const auto json = nlohmann::json::parse(status, nullptr, false);
  const auto health = json.is_object() ? json.find("Health") : json.end();
  return health != json.end() && health->is_array() && !health->empty() &&
                 health->front().is_string()
             ? health->front().get<std::string>()
             : "";
}

/// Looks again and again, without a word, until all is there.
class Waiting {
 public:
  Waiting(ControlTarget target, std::string peer, Duration limit)
      : target_(std::move(target)),
        peer_(std::move(peer)),
        start_(io::EventLoop::Now()),
        deadline_(start_ + limit) {}

  /// The exit code: kExitNotInMesh where waiting does not help.
  int Run() {
    while (true) {
      if (IsThere()) {
        return kExitOk;
      }
      if (state_ == kNeedsLogin) {
        return kExitNotInMesh;
      }
      if (io::EventLoop::Now() >= deadline_) {
        return kExitFailure;
      }
      usleep(kLookAgain);
    }
  }

  /// What it waits for, for people.
  [[nodiscard]] const std::string& missing() const { return missing_; }

  [[nodiscard]] std::string ToJson(bool is_ready) const {
    const std::chrono::duration<double> waited = io::EventLoop::Now() - start_;
    nlohmann::ordered_json out{{"ready", is_ready},
                               {"state", state_},
                               {"peer", nullptr},
                               {"missing", nullptr},
                               {"waited_s", waited.count()}};
    if (!peer_.empty()) {
      out["peer"] = peer_;
    }
    if (!is_ready) {
      out["missing"] = missing_;
    }
    return out.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
  }

 private:
  bool IsThere() {
    state_.clear();
    const auto path = ClientSocketPath(target_);
    if (!path) {
      missing_ = path.error().text;
      return false;
    }
    const auto end = Exchange(
        *path, StatusRequest{},
        [this](const ControlAnswer& answer) {
          const auto* status = std::get_if<StatusAnswer>(&answer);
          state_ = status == nullptr ? "" : status->state;
          why_ = status == nullptr ? "" : FirstTrouble(status->json);
          return false;
        },
        kSilence);
    if (!end || state_ != kRunning) {
      missing_ = end ? "the node is not in its mesh: " + state_ +
                           (why_.empty() ? "" : ": " + why_)
                     : end.error().text;
      return false;
    }
    return peer_.empty() || Answers(*path);
  }

  bool Answers(const std::string& path) {
    bool has_reply = false;
    const auto end = Exchange(
        path, PingRequest{.peer = peer_, .count = 1},
        [&has_reply](const ControlAnswer& answer) {
          has_reply = has_reply || std::holds_alternative<PingAnswered>(answer);
          return !has_reply && !std::holds_alternative<PingDone>(answer);
        },
        kSilence);
    missing_ = end ? peer_ + " does not answer" : end.error().text;
    return has_reply;
  }

  ControlTarget target_;
  std::string peer_;
  Instant start_;
  Instant deadline_;
  std::string state_;
  std::string why_;
  std::string missing_;
};

}  // namespace

int RunIp(int argc, char** argv) {
  CLI::App app("Prints mesh addresses, one a line.", "meshnode ip");
  ControlTarget target;
  std::string peer;
  bool is_v4 = false;
  bool is_v6 = false;
  bool is_json = false;
  app.add_option("PEER", peer, "Another node (default: this one)");
  auto* v4 = app.add_flag("-4", is_v4, "IPv4 only");
  app.add_flag("-6", is_v6, "IPv6 only")->excludes(v4);
  app.add_flag("--json", is_json, "As JSON");
  AddControlOptions(app, target);
  if (const auto code = ParseArguments(app, argc, argv)) {
    return *code;
  }
  std::string status;
  if (const int code = AskStatus("ip", target, status); code != kExitOk) {
    return code;
  }
  std::optional<AddressFamily> family;
  if (is_v4 || is_v6) {
    family = is_v4 ? AddressFamily::kIpv4 : AddressFamily::kIpv6;
  }
  const auto addresses = AddressesOf(status, peer, family);
  if (!addresses) {
    return FailWith("ip", addresses.error());
  }
  if (is_json) {
    std::cout << nlohmann::json(*addresses).dump(2) << '\n';
    return kExitOk;
  }
  for (const std::string& address : *addresses) {
    std::cout << address << '\n';
  }
  return kExitOk;
}

int RunWhois(int argc, char** argv) {
  CLI::App app("Prints whose a mesh address is.", "meshnode whois");
  ControlTarget target;
  std::string address;
  bool is_json = false;
  app.add_option("ADDRESS", address, "With a port or without one")->required();
  app.add_flag("--json", is_json, "As JSON");
  AddControlOptions(app, target);
  if (const auto code = ParseArguments(app, argc, argv)) {
    return *code;
  }
  std::string status;
  if (const int code = AskStatus("whois", target, status); code != kExitOk) {
    return code;
  }
  const auto owner = FindOwner(status, address);
  if (!owner) {
    return FailWith("whois", owner.error());
  }
  std::cout << (is_json ? owner->json + "\n" : owner->text);
  return kExitOk;
}

int RunWait(int argc, char** argv) {
  CLI::App app(
      "Waits until the node runs and is in its mesh, and a peer answers if "
      "one is named.",
      "meshnode wait");
  ControlTarget target;
  std::string peer;
  double limit = 0;
  bool is_json = false;
  app.add_option("PEER", peer, "Until this node answers a ping");
  app.add_option("--timeout", limit, "Seconds; 0: for good")
      ->check(CLI::Range(0.0, kLongWait))
      ->capture_default_str();
  app.add_flag("--json", is_json, "As JSON, also of what is missing");
  AddControlOptions(app, target);
  if (const auto code = ParseArguments(app, argc, argv)) {
    return *code;
  }
  const std::chrono::duration<double> seconds(limit > 0 ? limit : kLongWait);
  Waiting waiting(target, peer, std::chrono::duration_cast<Duration>(seconds));
  const int code = waiting.Run();
  if (is_json) {
    std::cout << waiting.ToJson(code == kExitOk) << '\n';
  }
  if (code != kExitOk) {
    FailWith("wait", waiting.missing());
  }
  return code;
}

}  // namespace natkit::meshnode
