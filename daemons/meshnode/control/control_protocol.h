#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "commands/command_support.h"
#include "natkit/mesh/node_event.h"
#include "natkit/nat/path_diagnosis.h"

// The control protocol: over the Unix socket of a running node, one JSON
// object a line in each direction.
//
//   {"command":"status"}            -> {"status":{...}}
//   {"command":"why","peer":"sym"}  -> {"why":{...}}
//   {"command":"down"}              -> {"stopping":true}, then the end
//   {"command":"set","values":{"accept-dns":"false"}} -> {"result":{...}}
//   {"command":"logout"}            -> {"result":{"server_told":true}}, then
//        the end
//   {"command":"rekey"}             -> {"result":{"previous_key":"..."}}
//   {"command":"debug"}             -> {"result":{...}}
//   {"command":"netcheck"}          -> {"result":{...}}, the mesh's servers
//   {"command":"ping","peer":"sym","count":3,"interval_ms":1000,
//    "wait_ms":2000}                -> {"ping":{"peer","address"}}, then for
//        each request {"reply":{"seq","time_ms","path":{...}}} or
//        {"lost":{"seq"}}, and {"done":{"sent","received"}} at last.
//        count 0: until the client leaves. A reply may follow its "lost".
//
// Anything that fails is answered by {"error":"text"}. Who may not change the
// node may ask status, why, netcheck and ping.

namespace natkit::meshnode {

/// Longer request lines end the connection.
inline constexpr size_t kMaxRequestLine = 4096;

struct MeshStanding;

struct StatusRequest {};

/// Why the path to a peer is direct or not.
struct WhyRequest {
  std::string peer;
};

struct DownRequest {};

/// Changes settings of a node that joined; without values it tells them.
struct SetRequest {
  std::map<std::string, std::string> values;  ///< as they are written
};

/// Leaves the mesh: the server removes the node, which forgets its keys.
struct LogoutRequest {};

/// Begins a rotation of the node key.
struct RekeyRequest {};

/// What helps to find a fault, without secrets.
struct DebugRequest {};

/// The relays and STUN servers of the mesh (netcheck/netcheck_servers.h).
struct NetcheckRequest {};

struct PingRequest {
  std::string peer;
  uint32_t count = 0;  ///< 0: until the client leaves
  Duration interval = std::chrono::seconds(1);
  Duration wait = std::chrono::seconds(2);  ///< for each reply
};

using ControlRequest =
    std::variant<StatusRequest, WhyRequest, DownRequest, PingRequest,
                 SetRequest, LogoutRequest, RekeyRequest, DebugRequest,
                 NetcheckRequest>;

/// Whether everybody on this machine may ask it.
[[nodiscard]] bool OnlyReads(const ControlRequest& request);

/// Parses one request line; the error is a sentence for the user.
[[nodiscard]] Outcome<ControlRequest> ParseRequest(std::string_view line);

/// The request as one line, with its line feed.
[[nodiscard]] std::string FormatRequest(const ControlRequest& request);

// Answers, each one line with its line feed.
[[nodiscard]] std::string FormatStatus(const MeshStanding& standing,
                                       const mesh::NodeCounters& counters);
/// `json` is the text of one JSON object.
[[nodiscard]] std::string FormatResult(std::string_view json);
/// {"result":{"settings":{...}}}
[[nodiscard]] std::string FormatSettings(
    const std::map<std::string, std::string>& settings);
/// {"result":{"server_told":...}}
[[nodiscard]] std::string FormatLogout(bool is_server_told);
/// {"result":{"previous_key":...}}: the key that peers know until the next one
/// is in use.
[[nodiscard]] std::string FormatRekey(const PublicKey& previous);
[[nodiscard]] std::string FormatWhy(std::string_view peer,
                                    const nat::PathDiagnosis& diagnosis);
[[nodiscard]] std::string FormatStopping();
[[nodiscard]] std::string FormatError(std::string_view text);
[[nodiscard]] std::string FormatPingStart(std::string_view peer,
                                          const IpAddress& address);
[[nodiscard]] std::string FormatPingReply(uint32_t sequence, Duration rtt,
                                          const mesh::Path& path);
[[nodiscard]] std::string FormatPingLost(uint32_t sequence);
[[nodiscard]] std::string FormatPingDone(uint32_t sent, uint32_t received);

// What a client makes of the answers.
struct PingStarted {
  std::string peer;  ///< as the node says it: escape it for a terminal
  std::string address;
};

struct PingAnswered {
  uint32_t sequence = 0;
  double time_ms = 0;
  std::string path;  ///< "direct 203.0.113.9:40123", "relay eu"
};

struct PingLost {
  uint32_t sequence = 0;
};

struct PingDone {
  uint32_t sent = 0;
  uint32_t received = 0;
};

struct Stopping {};

/// The status object, as JSON text over several lines and as a table.
struct StatusAnswer {
  std::string json;
  std::string table;
  std::string state;  ///< its BackendState
};

/// What a command has done, as JSON text over several lines.
struct ResultAnswer {
  std::string json;
};

/// The same of an explanation.
struct WhyAnswer {
  std::string json;
  std::string text;
};

using ControlAnswer =
    std::variant<StatusAnswer, WhyAnswer, ResultAnswer, Stopping, PingStarted,
                 PingAnswered, PingLost, PingDone>;

/// Parses one answer line; an {"error"} answer is the error. `now_unix`, in
/// seconds, dates the table's "last handshake".
[[nodiscard]] Outcome<ControlAnswer> ParseAnswer(std::string_view line,
                                                 double now_unix);

}  // namespace natkit::meshnode
