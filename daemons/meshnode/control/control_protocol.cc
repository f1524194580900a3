#include "control/control_protocol.h"

#include <algorithm>
#include <chrono>
#include <limits>

#include "control/control_json.h"
#include "control/control_why.h"
#include "control/json_text.h"
#include "control/status_field.h"

namespace natkit::meshnode {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kMinInterval{10};
constexpr milliseconds kMaxInterval{3600 * 1000};

std::string Line(const Json& json) {
  // Replaces what is not UTF-8 instead of throwing.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

uint32_t Count(const Json& object, const char* key, uint32_t fallback) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number_unsigned()) {
    return fallback;
  }
  const auto value = found->get<uint64_t>();
  return value > std::numeric_limits<uint32_t>::max()
             ? fallback
             : static_cast<uint32_t>(value);
}

milliseconds Interval(const Json& object, const char* key, Duration fallback) {
  const auto standard = std::chrono::duration_cast<milliseconds>(fallback);
  const milliseconds value(
      Count(object, key, static_cast<uint32_t>(standard.count())));
  return std::clamp(value, kMinInterval, kMaxInterval);
}

Json ToJson(const PingRequest& ping) {
  const auto ms = [](Duration d) {
    return std::chrono::duration_cast<milliseconds>(d).count();
  };
  Json out;
  out["command"] = "ping";
  out["peer"] = ping.peer;
  out["count"] = ping.count;
  out["interval_ms"] = ms(ping.interval);
  out["wait_ms"] = ms(ping.wait);
  return out;
}

Outcome<ControlRequest> ParseSet(const Json& json) {
  SetRequest request;
  const auto values = json.find("values");
  if (values == json.end()) {
    return request;
  }
  if (!values->is_object()) {
    return std::unexpected("the values of a set request must be an object");
  }
  for (const auto& [key, value] : values->items()) {
    if (!value.is_string()) {
      return std::unexpected("the value of " + key + " must be a string");
    }
    request.values[key] = value.get<std::string>();
  }
  return request;
}

std::string_view PlainCommand(const ControlRequest& request) {
  if (std::holds_alternative<StatusRequest>(request)) {
    return "status";
  }
  if (std::holds_alternative<LogoutRequest>(request)) {
    return "logout";
  }
  if (std::holds_alternative<RekeyRequest>(request)) {
    return "rekey";
  }
  if (std::holds_alternative<NetcheckRequest>(request)) {
    return "netcheck";
  }
  return std::holds_alternative<DebugRequest>(request) ? "debug" : "down";
}

}  // namespace

bool OnlyReads(const ControlRequest& request) {
  return std::holds_alternative<StatusRequest>(request) ||
         std::holds_alternative<WhyRequest>(request) ||
         std::holds_alternative<NetcheckRequest>(request) ||
         std::holds_alternative<PingRequest>(request);
}

Outcome<ControlRequest> ParseRequest(std::string_view line) {
  const Json json = Json::parse(line, nullptr, false);
  if (!json.is_object()) {
    return std::unexpected("a request must be one JSON object");
  }
  const std::string command = RawText(json, "command");
  if (command == "status") {
    return StatusRequest{};
  }
  if (command == "why") {
    return WhyRequest{.peer = RawText(json, "peer")};
  }
  if (command == "down") {
    return DownRequest{};
  }
  if (command == "set") {
    return ParseSet(json);
  }
  if (command == "logout") {
    return LogoutRequest{};
  }
  if (command == "rekey") {
    return RekeyRequest{};
  }
  if (command == "debug") {
    return DebugRequest{};
  }
  if (command == "netcheck") {
    return NetcheckRequest{};
  }
  if (command == "ping") {
    const PingRequest standard;
    return PingRequest{
        .peer = RawText(json, "peer"),
        .count = Count(json, "count", 0),
        .interval = Interval(json, "interval_ms", standard.interval),
        .wait = Interval(json, "wait_ms", standard.wait)};
  }
  return std::unexpected("there is no command \"" + command + "\"");
}

std::string FormatRequest(const ControlRequest& request) {
  if (const auto* ping = std::get_if<PingRequest>(&request)) {
    return Line(ToJson(*ping));
  }
  if (const auto* why = std::get_if<WhyRequest>(&request)) {
    return Line({{"command", "why"}, {"peer", why->peer}});
  }
  if (const auto* set = std::get_if<SetRequest>(&request)) {
    return Line({{"command", "set"}, {"values", Json(set->values)}});
  }
  return Line({{"command", PlainCommand(request)}});
}

std::string FormatStatus(const MeshStanding& standing,
                         const mesh::NodeCounters& counters) {
  Json status = standing.engine == nullptr
                    ? Json{{"name", standing.name}}
                    : StatusToJson(*standing.engine, counters);
  AddFieldNames(status, standing);
  return Line({{"status", std::move(status)}});
}

std::string FormatResult(std::string_view json) {
  return Line({{"result", Json::parse(json, nullptr, false)}});
}

std::string FormatSettings(const std::map<std::string, std::string>& settings) {
  return Line({{"result", {{"settings", settings}}}});
}

std::string FormatLogout(bool is_server_told) {
  return Line({{"result", {{"server_told", is_server_told}}}});
}

std::string FormatRekey(const PublicKey& previous) {
  return Line({{"result", {{"previous_key", previous.ToBase64()}}}});
}

std::string FormatWhy(std::string_view peer,
                      const nat::PathDiagnosis& diagnosis) {
  return Line({{"why", WhyToJson(peer, diagnosis)}});
}

std::string FormatStopping() {
  return Line({{"stopping", true}});
}

std::string FormatError(std::string_view text) {
  return Line({{"error", text}});
}

std::string FormatPingStart(std::string_view peer, const IpAddress& address) {
  return Line({{"ping", {{"peer", peer}, {"address", address.ToString()}}}});
}

std::string FormatPingReply(uint32_t sequence, Duration rtt,
                            const mesh::Path& path) {
  const double ms = std::chrono::duration<double, std::milli>(rtt).count();
  return Line(
      {{"reply",
        {{"seq", sequence}, {"time_ms", ms}, {"path", PathToJson(path)}}}});
}

std::string FormatPingLost(uint32_t sequence) {
  return Line({{"lost", {{"seq", sequence}}}});
}

std::string FormatPingDone(uint32_t sent, uint32_t received) {
  return Line({{"done", {{"sent", sent}, {"received", received}}}});
}

namespace {

PingAnswered ReplyFromJson(const Json& json) {
  PingAnswered reply{.sequence = Count(json, "seq", 0)};
  if (const auto time = json.find("time_ms");
      time != json.end() && time->is_number()) {
    reply.time_ms = time->get<double>();
  }
  if (const auto path = json.find("path");
      path != json.end() && path->is_object()) {
    reply.path = DescribeJsonPath(*path);
  }
  return reply;
}

StatusAnswer StatusFromJson(const Json& json, double now_unix) {
  return {.json = json.dump(2, ' ', false, Json::error_handler_t::replace),
          .table = StatusTable(json, now_unix),
          .state = RawText(json, "BackendState")};
}

}  // namespace

Outcome<ControlAnswer> ParseAnswer(std::string_view line, double now_unix) {
  const Json json = Json::parse(line, nullptr, false);
  if (!json.is_object() || json.empty()) {
    return std::unexpected("the node sent an answer that is not understood");
  }
  const std::string& kind = json.begin().key();
  const Json& body = json.begin().value();
  if (kind == "error") {
    return std::unexpected(RawText(json, "error"));
  }
  if (kind == "stopping") {
    return Stopping{};
  }
  if (!body.is_object()) {
    return std::unexpected("the node sent an answer that is not understood");
  }
  if (kind == "status") {
    return StatusFromJson(body, now_unix);
  }
  if (kind == "result") {
    return ResultAnswer{
        body.dump(2, ' ', false, Json::error_handler_t::replace)};
  }
  if (kind == "why") {
    return WhyAnswer{
        .json = body.dump(2, ' ', false, Json::error_handler_t::replace),
        .text = WhyText(body)};
  }
  if (kind == "ping") {
    return PingStarted{RawText(body, "peer"), RawText(body, "address")};
  }
  if (kind == "reply") {
    return ReplyFromJson(body);
  }
  if (kind == "lost") {
    return PingLost{Count(body, "seq", 0)};
  }
  if (kind == "done") {
    return PingDone{Count(body, "sent", 0), Count(body, "received", 0)};
  }
  return std::unexpected("the node sent an answer that is not understood");
}

}  // namespace natkit::meshnode
