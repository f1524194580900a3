#include "natkit/mesh/dns/dns_server.h"

#include <algorithm>
#include <utility>

#include "dns/client_query.h"
#include "dns/forwarder.h"
#include "dns/zone.h"

namespace natkit::dns {
namespace {

constexpr uint16_t kClassAny = 255;

/// An answer to what does not parse: the header alone.
std::vector<uint8_t> MakeHeaderOnly(const Header& query, Rcode rcode) {
  Message message;
  message.header = {.id = query.id,
                    .opcode = query.opcode,
                    .is_response = true,
                    .recursion_desired = query.recursion_desired};
  message.set_rcode(rcode);
  auto bytes = BuildMessage(message).value_or(std::vector<uint8_t>{});
  bytes.resize(kHeaderSize);
  bytes[5] = 0;  // questions
  return bytes;
}

}  // namespace

class DnsServer::Impl {
 public:
  explicit Impl(Rng& rng) : forwarder_(rng, counters_) {}

  void Configure(const DnsConfig& config) {
    own_ = config.own;
    clients_ = config.clients;
    zone_.Reset(config);
    forwarder_.SetConfig(config);
    is_configured_ = true;
  }

  void Handle(Instant now, ClientQuery query, ByteView bytes);

  DnsCounters counters_;
  Zone zone_;
  Forwarder forwarder_;
  Instant last_now_{};
  bool is_configured_ = false;

 private:
  [[nodiscard]] bool IsClient(const Endpoint& from) const;
  /// What is to be told at once about the question itself.
  [[nodiscard]] std::optional<Rcode> Object(const ClientQuery& query) const;
  void Answer(const ClientQuery& query, Message response);
  void Resolve(Instant now, ClientQuery query);

  std::vector<Endpoint> own_;
  std::vector<IpPrefix> clients_;
};

void DnsServer::Impl::Handle(Instant now, ClientQuery query, ByteView bytes) {
  last_now_ = now;
  const auto header = ParseHeader(bytes);
  const bool is_own = std::ranges::find(own_, query.from) != own_.end();
  if (!header || header->is_response || query.from.port == 0 || is_own) {
    ++counters_.malformed;  // nothing that an answer would help
    return;
  }
  auto message = ParseMessage(bytes);
  if (!message) {
    ++counters_.malformed;
    const bool is_query = header->opcode == kOpcodeQuery;
    forwarder_.Send(AddressTo(
        query,
        MakeHeaderOnly(*header, is_query ? Rcode::kFormErr : Rcode::kNotImp)));
    return;
  }
  ++counters_.queries;
  query.message.header = message->header;
  query.message.question = std::move(message->question);
  query.message.edns = std::move(message->edns);
  if (const auto objection = Object(query)) {
    counters_.refused += *objection == Rcode::kRefused ? 1 : 0;
    Answer(query, MakeResponse(query, *objection));
    return;
  }
  Resolve(now, std::move(query));
}

bool DnsServer::Impl::IsClient(const Endpoint& from) const {
  const IpAddress address = from.address.Unmapped();
  return address.is_loopback() ||
         std::ranges::find(own_, address, &Endpoint::address) != own_.end() ||
         std::ranges::any_of(clients_, [&address](const IpPrefix& prefix) {
           return prefix.Contains(address);
         });
}

std::optional<Rcode> DnsServer::Impl::Object(const ClientQuery& query) const {
  const Question& question = query.message.question;
  if (!is_configured_ || !IsClient(query.from)) {
    return Rcode::kRefused;
  }
  if (query.message.header.opcode != kOpcodeQuery) {
    return Rcode::kNotImp;
  }
  if (query.message.edns && query.message.edns->version != 0) {
    return Rcode::kBadVers;  // RFC 6891 section 6.1.3
  }
  const bool is_in = question.question_class == kClassIn ||
                     question.question_class == kClassAny;
  const bool is_transfer = question.type == RecordType::kAxfr ||
                           question.type == RecordType::kIxfr ||
                           question.type == RecordType::kOpt;
  if (!is_in || is_transfer) {
    return Rcode::kRefused;
  }
  return std::nullopt;
}

void DnsServer::Impl::Resolve(Instant now, ClientQuery query) {
  if (auto local = zone_.Answer(query.message.question)) {
    ++counters_.local_answers;
    Message response = MakeResponse(query, local->rcode);
    response.header.is_authoritative = true;
    response.answers = std::move(local->answers);
    response.authorities = std::move(local->authorities);
    Answer(query, std::move(response));
    return;
  }
  if (!query.message.header.recursion_desired) {
    ++counters_.refused;
    Answer(query, MakeResponse(query, Rcode::kRefused));
    return;
  }
  forwarder_.Ask(now, std::move(query));
}

void DnsServer::Impl::Answer(const ClientQuery& query, Message response) {
  auto bytes = BuildTruncatedIfLarger(response, query.limit());
  counters_.truncated += IsTruncated(bytes) ? 1 : 0;
  forwarder_.Send(AddressTo(query, std::move(bytes)));
}

DnsServer::DnsServer(Rng& rng) : impl_(std::make_unique<Impl>(rng)) {}

DnsServer::~DnsServer() = default;

Result<void> DnsServer::SetConfig(const DnsConfig& config) {
  if (auto checked = CheckDnsConfig(config); !checked) {
    return checked;
  }
  impl_->Configure(config);
  return {};
}

Result<void> DnsServer::SetResolvers(const std::vector<Endpoint>& resolvers) {
  if (!impl_->is_configured_) {
    return Fail(Errc::kInvalidState);
  }
  impl_->forwarder_.SetResolvers(resolvers);
  return {};
}

DnsRoute DnsServer::Explain(Instant now, const Question& question) const {
  if (!impl_->is_configured_ || impl_->zone_.Answer(question)) {
    return {.is_local = impl_->is_configured_,
            .suffix = std::nullopt,
            .resolvers = {}};
  }
  const Upstreams& upstreams = impl_->forwarder_.upstreams();
  return {.is_local = false,
          .suffix = upstreams.SuffixOf(question.name),
          .resolvers = upstreams.Choose(question.name, now)};
}

Result<void> DnsServer::SetHost(const DnsHost& host) {
  if (!impl_->is_configured_) {
    return Fail(Errc::kInvalidState);
  }
  if (host.name == ".") {
    return Fail(Errc::kBadValue);
  }
  return impl_->zone_.SetHost(host);
}

bool DnsServer::RemoveHost(std::string_view name) {
  return impl_->zone_.RemoveHost(name);
}

void DnsServer::HandleDatagram(Instant now, const Endpoint& local,
                               const Endpoint& from, ByteView datagram) {
  impl_->Handle(now,
                {.stream = {}, .local = local, .from = from, .message = {}},
                datagram);
}

void DnsServer::HandleStreamMessage(Instant now, StreamId stream,
                                    const Endpoint& from, ByteView message) {
  impl_->Handle(now,
                {.stream = stream, .local = {}, .from = from, .message = {}},
                message);
}

void DnsServer::HandleStreamClosed(StreamId stream) {
  impl_->forwarder_.ForgetStream(stream);
}

void DnsServer::HandleUpstreamDatagram(Instant now, ExchangeId exchange,
                                       const Endpoint& from,
                                       ByteView datagram) {
  impl_->last_now_ = now;
  impl_->forwarder_.HandleResponse(now, exchange, from, datagram);
}

void DnsServer::HandleUpstreamMessage(Instant now, ExchangeId exchange,
                                      ByteView message) {
  impl_->last_now_ = now;
  impl_->forwarder_.HandleResponse(now, exchange, std::nullopt, message);
}

void DnsServer::HandleUpstreamFailed(Instant now, ExchangeId exchange) {
  impl_->last_now_ = now;
  impl_->forwarder_.HandleFailure(now, exchange);
}

void DnsServer::HandleTimeout(Instant now) {
  impl_->last_now_ = now;
  impl_->forwarder_.HandleTimeout(now);
}

std::optional<DnsTransmit> DnsServer::PollTransmit() {
  return impl_->forwarder_.PollTransmit();
}

std::optional<DnsEvent> DnsServer::PollEvent() {
  return impl_->forwarder_.PollEvent();
}

std::optional<Instant> DnsServer::NextTimeout() const {
  if (impl_->forwarder_.has_output()) {
    return impl_->last_now_;
  }
  return impl_->forwarder_.NextTimeout();
}

const DnsCounters& DnsServer::counters() const {
  return impl_->counters_;
}

size_t DnsServer::questions_under_way() const {
  return impl_->forwarder_.questions();
}

}  // namespace natkit::dns
