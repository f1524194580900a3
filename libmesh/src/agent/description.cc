#include "natkit/mesh/agent/description.h"

#include <algorithm>
#include <array>
#include <utility>

#include "natkit/base/bytes.h"
#include "natkit/base/encoding.h"
#include "signal/signal_proto.h"

namespace natkit::mesh {

namespace {

constexpr std::string_view kUfrag = "ice-ufrag:";
constexpr std::string_view kPassword = "ice-pwd:";
constexpr std::string_view kCandidate = "candidate:";
constexpr std::string_view kEnd = "end-of-candidates";
constexpr std::string_view kPeer = "x-natkit-peer:";
constexpr std::string_view kRelay = "x-natkit-relay:";
constexpr std::string_view kNetwork = "x-natkit-network:";
constexpr std::string_view kHub = "x-natkit-hub:";

/// Longest form of a network that is looked at.
constexpr size_t kMaxNetworkText = 2048;

/// Reads the lines of one text.
class DescriptionParser {
 public:
  [[nodiscard]] Result<AgentDescription> Parse(std::string_view text);

 private:
  /// False for a line that is not acceptable.
  [[nodiscard]] bool TakeLine(std::string_view line);
  [[nodiscard]] bool TakeCandidate(std::string_view line);
  [[nodiscard]] bool TakeRelay(std::string_view value);
  [[nodiscard]] bool TakeNetwork(std::string_view value);
  [[nodiscard]] bool TakeHub(std::string_view value);
  /// False if the credentials are not whole.
  [[nodiscard]] bool Finish();

  AgentDescription out_;
  std::string ufrag_;
  ice::Password password_;
  bool has_password_ = false;
};

/// Takes `prefix` away; false if `line` does not begin with it.
bool Consume(std::string_view& line, std::string_view prefix) {
  if (!line.starts_with(prefix)) {
    return false;
  }
  line.remove_prefix(prefix.size());
  return true;
}

bool DescriptionParser::TakeLine(std::string_view line) {
  (void)Consume(line, "a=");
  if (line.starts_with(kCandidate)) {
    return TakeCandidate(line);
  }
  if (Consume(line, kUfrag)) {
    ufrag_ = line;
    return !line.empty();
  }
  if (Consume(line, kPassword)) {
    password_ = line;
    has_password_ = true;
    return true;
  }
  if (Consume(line, kPeer)) {
    out_.peer_ufrag = std::string(line);
    return line.empty() || ice::IsIceText(line, ice::kMaxUfrag);
  }
  if (Consume(line, kRelay)) {
    return TakeRelay(line);
  }
  if (Consume(line, kNetwork)) {
    return TakeNetwork(line);
  }
  if (Consume(line, kHub)) {
    return TakeHub(line);
  }
  out_.end_of_candidates = out_.end_of_candidates || line == kEnd;
  return true;
}

bool DescriptionParser::TakeCandidate(std::string_view line) {
  const Result<ice::Candidate> candidate = ice::ParseCandidate(line);
  if (!candidate) {
    return candidate.error().code == Errc::kUnsupported;
  }
  if (out_.candidates.size() < kMaxDescriptionCandidates) {
    out_.candidates.push_back(*candidate);
  }
  return true;
}

bool DescriptionParser::TakeRelay(std::string_view value) {
  const size_t space = value.find(' ');
  if (space == std::string_view::npos) {
    return false;
  }
  const Result<PublicKey> key = PublicKey::FromBase64(value.substr(0, space));
  const std::string_view name = value.substr(space + 1);
  if (!key || key->is_zero() || name.empty() || name.size() > kMaxRelayName ||
      name.find(' ') != std::string_view::npos) {
    return false;
  }
  out_.place = RelayPlace{.key = *key, .relay = std::string(name)};
  return true;
}

bool DescriptionParser::TakeNetwork(std::string_view value) {
  if (value.size() > kMaxNetworkText) {
    return false;
  }
  const Result<std::vector<uint8_t>> bytes = FromHex(value);
  if (!bytes) {
    return false;
  }
  Result<nat::PathSide> network = DecodePathSide(*bytes);
  if (!network) {
    return false;
  }
  out_.network = std::move(*network);
  return true;
}

bool DescriptionParser::TakeHub(std::string_view value) {
  const Result<std::vector<uint8_t>> bytes = FromHex(value);
  if (!bytes || bytes->size() != sizeof(uint64_t)) {
    return false;
  }
  return ByteReader(*bytes).ReadU64(out_.hub.emplace());
}

bool DescriptionParser::Finish() {
  if (ufrag_.empty() && !has_password_) {
    return !out_.candidates.empty() || out_.end_of_candidates;
  }
  ice::Credentials credentials{.ufrag = std::move(ufrag_),
                               .password = std::move(password_)};
  if (!ice::CheckCredentials(credentials)) {
    return false;
  }
  out_.credentials = std::move(credentials);
  return true;
}

Result<AgentDescription> DescriptionParser::Parse(std::string_view text) {
  if (text.size() > kMaxDescriptionText) {
    return Fail(Errc::kBadLength);
  }
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    if (line.ends_with('\r')) {
      line.remove_suffix(1);
    }
    if (!TakeLine(line)) {
      return Fail(Errc::kBadSignal, at);
    }
    at = end + 1;
  }
  if (!Finish()) {
    return Fail(Errc::kBadSignal, text.size());
  }
  return std::move(out_);
}

void AppendLine(std::string& out, std::string_view name,
                std::string_view value = {}) {
  out.append("a=").append(name).append(value).append("\r\n");
}

}  // namespace

std::string FormatDescription(const AgentDescription& description) {
  std::string out;
  if (description.credentials) {
    AppendLine(out, kUfrag, description.credentials->ufrag);
    AppendLine(out, kPassword, description.credentials->password.Expose());
    AppendLine(out, "ice-options:", "trickle renomination");
  }
  if (description.peer_ufrag) {
    AppendLine(out, kPeer, *description.peer_ufrag);
  }
  for (const ice::Candidate& candidate : description.candidates) {
    AppendLine(out, ice::FormatCandidate(candidate));
  }
  if (description.end_of_candidates) {
    AppendLine(out, kEnd);
  }
  if (description.place) {
    AppendLine(
        out, kRelay,
        description.place->key.ToBase64() + " " + description.place->relay);
  }
  if (description.network) {
    AppendLine(out, kNetwork,
               ToHex(AsBytes(EncodePathSide(*description.network))));
  }
  if (description.hub) {
    std::array<uint8_t, sizeof(uint64_t)> bytes{};
    ByteWriter(bytes).WriteU64(*description.hub);
    AppendLine(out, kHub, ToHex(bytes));
  }
  return out;
}

Result<AgentDescription> ParseDescription(std::string_view text) {
  return DescriptionParser().Parse(text);
}

}  // namespace natkit::mesh
