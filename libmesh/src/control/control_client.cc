#include "natkit/mesh/control/control_client.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "natkit/base/queue.h"

namespace natkit::mesh {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// mesh.md section 4.1, rule 2.
constexpr Duration kSpeakEvery = seconds(20);
constexpr Duration kDeadAfter = seconds(45);
constexpr Duration kAnswerWithin = seconds(5);
/// From a stream to the server's word.
constexpr Duration kAdmitWithin = seconds(30);
constexpr Duration kFirstPause = seconds(1);
constexpr Duration kLongestPause = seconds(60);
/// A stream that does not drain takes no more signals.
constexpr size_t kMaxQueuedForSignals = size_t{256} * 1024;
/// A server that says much and reads nothing is left.
constexpr size_t kMaxQueued = size_t{1024} * 1024;

bool IsFinal(GoodbyeReason reason) {
  switch (reason) {
    case GoodbyeReason::kReplaced:
    case GoodbyeReason::kRevoked:
    case GoodbyeReason::kRefused:
    case GoodbyeReason::kVersion:
    case GoodbyeReason::kLoggedOut:
      return true;
    case GoodbyeReason::kProtocol:
    case GoodbyeReason::kShuttingDown:
    case GoodbyeReason::kOverloaded:
    case GoodbyeReason::kSilent:
      return false;
  }
  return false;
}

/// `wanted` where it differs from `told`.
template <class T>
std::optional<T> Difference(const std::optional<T>& wanted,
                            const std::optional<T>& told) {
  return wanted == told ? std::nullopt : wanted;
}

template <class List>
void Truncate(std::optional<List>& list, size_t longest) {
  if (list && list->size() > longest) {
    list->resize(longest);
  }
}

/// What the server would take for a broken message.
void KeepWithinBounds(NodeReport& report) {
  Truncate(report.endpoints, kMaxReportedEndpoints);
  Truncate(report.routes, kMaxReportedRoutes);
  Truncate(report.host_name, kMaxNameLength);
  if (report.endpoints) {
    std::erase_if(*report.endpoints,
                  [](const Endpoint& endpoint) { return endpoint.port == 0; });
  }
  if (!report.attributes) {
    return;
  }
  std::erase_if(*report.attributes, [](const auto& entry) {
    const auto* text = std::get_if<std::string>(&entry.second);
    return entry.first.empty() || entry.first.size() > kMaxNameLength ||
           (text != nullptr && text->size() > kMaxAttributeText);
  });
  while (report.attributes->size() > kMaxReportedAttributes) {
    report.attributes->erase(std::prev(report.attributes->end()));
  }
}

NodeReport Difference(const NodeReport& wanted, const NodeReport& told) {
  return {.endpoints = Difference(wanted.endpoints, told.endpoints),
          .home_relay = Difference(wanted.home_relay, told.home_relay),
          .routes = Difference(wanted.routes, told.routes),
          .offers_exit = Difference(wanted.offers_exit, told.offers_exit),
          .attributes = Difference(wanted.attributes, told.attributes),
          .host_name = Difference(wanted.host_name, told.host_name)};
}

}  // namespace

ControlClient::ControlClient(ControlClientConfig config, Rng& rng)
    : config_(std::move(config)),
      machine_(config_.machine_seed),
      rng_(rng),
      map_(std::exchange(config_.saved_map, std::nullopt)) {}

NodeKeys ControlClient::Keys() const {
  return {.machine_key = machine_.key(),
          .node_key = DerivePublicKey(config_.node_key),
          .signalling_key = DerivePublicKey(config_.signalling_key)};
}

void ControlClient::Start(Instant now) {
  if (phase_ == Phase::kStopped || phase_ == Phase::kPausing) {
    pause_ = {};
    Connect(now);
  }
}

void ControlClient::Connect(Instant now) {
  phase_ = Phase::kConnecting;
  retry_at_.reset();
  answer_due_.reset();
  reader_ = FrameReader(kMaxControlFrame);
  out_.clear();
  sent_ = 0;
  reported_ = {};
  heard_at_ = now;
  spoke_at_ = now;
  commands_.emplace_back(ControlConnect{});
}

void ControlClient::HandleOpen(Instant now,
                               const std::array<uint8_t, 32>& exporter) {
  if (phase_ != Phase::kConnecting) {
    return;
  }
  phase_ = Phase::kOpen;
  challenge_ = {.exporter = exporter};
  heard_at_ = now;
  spoke_at_ = now;
  answer_due_ = now + kAdmitWithin;
  out_.push_back(kControlVersion);
}

void ControlClient::HandleBytes(Instant now, ByteView bytes) {
  if (!IsStreaming()) {
    return;
  }
  heard_at_ = now;
  if (phase_ == Phase::kAdmitted) {
    answer_due_.reset();
  }
  reader_.Append(bytes);
  const auto version = reader_.version();
  if (version && *version != kControlVersion) {
    Fail(now, "the server speaks version " + std::to_string(*version) +
                  " of the coordination protocol, not " +
                  std::to_string(kControlVersion));
    return;
  }
  TakeFrames(now);
}

bool ControlClient::IsStreaming() const {
  return phase_ == Phase::kOpen || phase_ == Phase::kAnswered ||
         phase_ == Phase::kAdmitted;
}

/// The order of docs/coordination.md, The stream.
bool ControlClient::IsExpected(const ControlMessage& message) const {
  if (std::holds_alternative<Challenge>(message)) {
    return phase_ == Phase::kOpen;
  }
  if (std::holds_alternative<Admission>(message)) {
    return phase_ != Phase::kOpen;
  }
  return phase_ == Phase::kAdmitted ||
         std::holds_alternative<Goodbye>(message) ||
         std::holds_alternative<UnknownMessage>(message);
}

void ControlClient::TakeFrames(Instant now) {
  while (IsStreaming()) {
    const auto body = reader_.Next();
    if (!body) {
      Fail(now, "the server sent a frame that is too long");
      return;
    }
    if (!*body) {
      return;
    }
    auto message = DecodeMessage(**body);
    if (!message) {
      Fail(now, "the server sent a message that cannot be read");
      return;
    }
    if (!IsExpected(*message)) {
      Fail(now, "the server sent a message out of order");
      return;
    }
    std::visit(
        [&](auto&& part) { Take(now, std::forward<decltype(part)>(part)); },
        *std::move(message));
    if (out_.size() - sent_ > kMaxQueued) {
      Fail(now, "the server does not read");
    }
  }
}

void ControlClient::Take(Instant now, const Challenge& challenge) {
  phase_ = Phase::kAnswered;
  challenge_.nonce = challenge.nonce;
  challenge_.ephemeral_key = challenge.ephemeral_key;
  const NodeKeys keys = Keys();
  const auto transcript = AuthTranscript(challenge_, keys);
  Authenticate answer{
      .keys = keys,
      .signature = machine_.Sign(transcript),
      .node_proof = ProveKey(ProofRole::kNodeKey, config_.node_key,
                             challenge.ephemeral_key, transcript),
      .signalling_proof =
          ProveKey(ProofRole::kSignallingKey, config_.signalling_key,
                   challenge.ephemeral_key, transcript),
      .auth_key = std::string(config_.auth_key.Expose()),
      .host_name = config_.host_name,
      .is_ephemeral = config_.is_ephemeral,
      .tags = config_.tags,
      .software = config_.software};
  if (map_) {
    answer.position = map_->position();
  }
  Send(now, answer);
  WipeBytes(MutableBytes(reinterpret_cast<uint8_t*>(answer.auth_key.data()),
                         answer.auth_key.size()));
}

void ControlClient::Take(Instant now, const Admission& admission) {
  const bool is_first = phase_ == Phase::kAnswered;
  phase_ = Phase::kAdmitted;
  answer_due_.reset();
  pause_ = {};
  if (admission.state == AdmissionState::kActive) {
    config_.auth_key = {};  // it has served
  }
  if (!map_ || map_->digest_key() != admission.digest_key) {
    map_.emplace(admission.digest_key);
  } else if (is_first) {
    map_->Resume(admission.epoch);
  }
  events_.emplace_back(ControlAdmitted{.state = admission.state,
                                       .node = admission.node,
                                       .approval_code = admission.approval_code,
                                       .message = admission.message});
  SendReport(now);
  SendAnnouncement(now);
}

void ControlClient::Take(Instant now, MapUpdate update) {
  const MapAck ack{.epoch = update.epoch, .sequence = update.sequence};
  auto applied = map_->Apply(std::move(update));
  if (!applied) {
    Send(now, MapRequest{applied.error()});
  } else if (applied->is_complete) {
    Send(now, ack);
    events_.emplace_back(ControlMapChanged{std::move(applied->changes)});
  }
}

void ControlClient::Take(Instant, const RelayedSignal& signal) {
  events_.emplace_back(
      ReceivedSignal{.from = signal.peer, .sealed = signal.sealed});
}

void ControlClient::Take(Instant, const Rotation& rotation) {
  const bool is_ours =
      next_key_ && rotation.next_key == DerivePublicKey(*next_key_);
  if (is_ours && (rotation.step == RotationStep::kGo ||
                  rotation.step == RotationStep::kAbort)) {
    events_.emplace_back(
        ControlRotation{.step = rotation.step, .next_key = rotation.next_key});
  }
}

void ControlClient::Take(Instant now, const Heartbeat& heartbeat) {
  if (!heartbeat.is_reply) {
    Send(now, Heartbeat{.nonce = heartbeat.nonce, .is_reply = true});
  }
}

void ControlClient::Take(Instant now, const Goodbye& goodbye) {
  commands_.emplace_back(ControlClose{});
  std::string why(GoodbyeReasonName(goodbye.reason));
  if (!goodbye.text.empty()) {
    why = goodbye.text;
  }
  pause_ = std::max<Duration>(pause_, goodbye.retry_after);
  Lose(now, {.why = std::move(why),
             .goodbye = goodbye.reason,
             .is_final = IsFinal(goodbye.reason)});
}

void ControlClient::Fail(Instant now, std::string why) {
  commands_.emplace_back(ControlClose{});
  Lose(now, {.why = std::move(why)});
}

void ControlClient::HandleClosed(Instant now, std::string_view reason) {
  if (phase_ != Phase::kStopped && phase_ != Phase::kPausing) {
    Lose(now, {.why = std::string(reason)});
  }
}

void ControlClient::Lose(Instant now, ControlLost lost) {
  out_.clear();
  sent_ = 0;
  answer_due_.reset();
  reader_ = FrameReader(kMaxControlFrame);
  phase_ = lost.is_final ? Phase::kStopped : Phase::kPausing;
  if (!lost.is_final) {
    pause_ = std::clamp<Duration>(pause_ * 2, kFirstPause, kLongestPause);
    // Up to half as long again, so that a fleet does not come back at once.
    const auto half = static_cast<uint64_t>(pause_.count() / 2);
    retry_at_ = now + pause_ + Duration(static_cast<int64_t>(rng_.Below(half)));
  }
  events_.emplace_back(std::move(lost));
}

void ControlClient::HandleTimeout(Instant now) {
  if (phase_ == Phase::kPausing && retry_at_ && now >= *retry_at_) {
    Connect(now);
    return;
  }
  if (!IsStreaming()) {
    return;
  }
  if (now >= heard_at_ + kDeadAfter || (answer_due_ && now >= *answer_due_)) {
    Fail(now, "the server does not answer");
    return;
  }
  if (phase_ == Phase::kAdmitted && now >= spoke_at_ + kSpeakEvery) {
    Send(now, Heartbeat{.nonce = rng_.NextU64()});
  }
}

void ControlClient::Probe(Instant now) {
  if (phase_ == Phase::kPausing) {
    pause_ = {};
    retry_at_ = now;
  } else if (phase_ == Phase::kAdmitted && !answer_due_) {
    answer_due_ = now + kAnswerWithin;
    Send(now, Heartbeat{.nonce = rng_.NextU64()});
  }
}

void ControlClient::SetReport(Instant now, NodeReport report) {
  report_ = std::move(report);
  KeepWithinBounds(report_);
  SendReport(now);
}

void ControlClient::SendReport(Instant now) {
  if (phase_ != Phase::kAdmitted) {
    return;
  }
  const NodeReport difference = Difference(report_, reported_);
  if (difference != NodeReport{}) {
    Send(now, difference);
    reported_ = report_;
  }
}

bool ControlClient::SendSignal(Instant now, NodeId to, ByteView sealed) {
  if (phase_ != Phase::kAdmitted || sealed.size() > kMaxSealedSignal ||
      out_.size() - sent_ > kMaxQueuedForSignals) {
    return false;
  }
  Send(now,
       RelayedSignal{.peer = to, .sealed = {sealed.begin(), sealed.end()}});
  return true;
}

void ControlClient::AnnounceKey(Instant now, StaticPrivateKey next) {
  next_key_ = std::move(next);
  SendAnnouncement(now);
}

void ControlClient::SendAnnouncement(Instant now) {
  if (phase_ != Phase::kAdmitted || !next_key_) {
    return;
  }
  NodeKeys keys = Keys();
  keys.node_key = DerivePublicKey(*next_key_);
  Send(now, Rotation{.step = RotationStep::kAnnounce,
                     .next_key = keys.node_key,
                     .proof = ProveKey(ProofRole::kNextNodeKey, *next_key_,
                                       challenge_.ephemeral_key,
                                       AuthTranscript(challenge_, keys))});
}

void ControlClient::SwitchKey(Instant now) {
  if (!next_key_) {
    return;
  }
  config_.node_key = std::move(*next_key_);
  next_key_.reset();
  if (phase_ == Phase::kAdmitted) {
    Send(now, Rotation{.step = RotationStep::kSwitched,
                       .next_key = DerivePublicKey(config_.node_key)});
  }
}

void ControlClient::AbortRotation(Instant now) {
  if (!next_key_) {
    return;
  }
  const PublicKey next = DerivePublicKey(*next_key_);
  next_key_.reset();
  if (phase_ == Phase::kAdmitted) {
    Send(now, Rotation{.step = RotationStep::kAbort, .next_key = next});
  }
}

void ControlClient::Logout(Instant now) {
  if (phase_ == Phase::kAdmitted) {
    Send(now, mesh::Logout{});
  }
}

void ControlClient::Stop(Instant) {
  if (phase_ != Phase::kStopped && phase_ != Phase::kPausing) {
    commands_.emplace_back(ControlClose{});
  }
  phase_ = Phase::kStopped;
  retry_at_.reset();
  answer_due_.reset();
  out_.clear();
  sent_ = 0;
}

void ControlClient::Send(Instant now, const ControlMessage& message) {
  const auto frame = EncodeFrame(message);
  out_.insert(out_.end(), frame.begin(), frame.end());
  spoke_at_ = now;
}

std::optional<ControlCommand> ControlClient::PollCommand() {
  return TakeFront(commands_);
}

std::optional<ControlEvent> ControlClient::PollEvent() {
  return TakeFront(events_);
}

size_t ControlClient::PollBytes(MutableBytes out) {
  const size_t size = std::min(out.size(), out_.size() - sent_);
  std::copy_n(out_.begin() + static_cast<ptrdiff_t>(sent_), size, out.begin());
  sent_ += size;
  // A stream that never quite drains must not grow for ever.
  if (sent_ == out_.size() || sent_ > kMaxQueued) {
    out_.erase(out_.begin(), out_.begin() + static_cast<ptrdiff_t>(sent_));
    sent_ = 0;
  }
  return size;
}

std::optional<Instant> ControlClient::NextTimeout() const {
  switch (phase_) {
    case Phase::kStopped:
    case Phase::kConnecting:
      return std::nullopt;
    case Phase::kPausing:
      return retry_at_;
    case Phase::kOpen:
    case Phase::kAnswered:
    case Phase::kAdmitted:
      break;
  }
  Instant next = heard_at_ + kDeadAfter;
  if (phase_ == Phase::kAdmitted) {
    next = std::min(next, spoke_at_ + kSpeakEvery);
  }
  return answer_due_ ? std::min(next, *answer_due_) : next;
}

}  // namespace natkit::mesh
