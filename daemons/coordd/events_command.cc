#include "events_command.h"

#include <chrono>
#include <cstdio>
#include <thread>

#include "admin_client.h"
#include "natkit/base/text.h"

namespace natkit::coordd {

namespace {

using nlohmann::json;

constexpr std::chrono::seconds kPause{1};

/// False: nobody takes it.
bool Print(const json& event, bool is_json) {
  std::string line;
  if (is_json) {
    line = event.dump();
  } else {
    line = std::to_string(event.value("sequence", uint64_t{0}));
    for (const char* key : {"time", "type", "actor", "subject", "detail"}) {
      line += "  " + EscapeControls(event.value(key, std::string()));
    }
  }
  return std::puts(line.c_str()) >= 0 && std::fflush(stdout) == 0;
}

int Fail(const std::string& text, AskFailure kind) {
  std::fprintf(stderr, "coordd: %s\n", EscapeControls(text, "\n").c_str());
  return static_cast<int>(kind);
}

}  // namespace

int FollowEvents(const std::string& socket, bool is_json, json request) {
  while (true) {
    const auto answer = Ask(socket, request.dump());
    if (!answer) {
      return Fail(answer.error().text, answer.error().kind);
    }
    const json parsed = json::parse(*answer, nullptr, false);
    if (!parsed.is_object() || !parsed.contains("result")) {
      return Fail(parsed.is_object() ? parsed.value("error", std::string())
                                     : "the answer cannot be read",
                  AskFailure::kRefused);
    }
    for (const json& event : parsed.at("result")) {
      if (!Print(event, is_json)) {
        return Fail("the output could not be written", AskFailure::kRefused);
      }
      request["after"] = event.at("sequence");
    }
    if (parsed.at("result").empty()) {
      std::this_thread::sleep_for(kPause);
    }
  }
}

}  // namespace natkit::coordd
