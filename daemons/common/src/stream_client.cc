#include "natkit/shell/stream_client.h"

#include <utility>

namespace natkit::shell {

StreamClient::StreamClient(io::EventLoop& loop, const tls::ClientContext& tls,
                           StreamTarget target, SecureStreamHandlers handlers,
                           const StreamClientOptions& options)
    : loop_(loop),
      tls_(tls),
      target_(std::move(target)),
      handlers_(std::move(handlers)),
      options_(options),
      budget_(loop, [this] { OnBudgetSpent(); }) {
  budget_.Arm(io::EventLoop::Now() + options_.open_budget);
  const auto literal = IpAddress::Parse(target_.host);
  if (!target_.addresses.empty()) {
    Dial(target_.addresses);
  } else if (literal) {
    Dial({*literal});
  } else {
    LookUp();
  }
}

StreamClient::~StreamClient() = default;

void StreamClient::LookUp() {
  lookup_.emplace(loop_);
  lookup_->Resolve(target_.host, [this](Result<std::vector<IpAddress>> found) {
    if (found) {
      Dial(*found);
      return;
    }
    End({.code = found.error().code,
         .text = "host name " + target_.host + " does not resolve"});
  });
}

void StreamClient::Dial(const std::vector<IpAddress>& addresses) {
  dialer_ = std::make_unique<Dialer>(
      loop_, InterleaveFamilies(addresses, target_.port), options_.tcp,
      Dialer::Handlers{
          .on_connected =
              [this](io::TcpStream tcp) { OnConnected(std::move(tcp)); },
          .on_failed = [this](Errc reason) { End({.code = reason}); }});
}

void StreamClient::OnConnected(io::TcpStream tcp) {
  dialer_.reset();
  std::optional<tls::Channel> channel;
  if (!target_.is_plain) {
    auto made = tls::Channel::Client(
        tls_,
        {.host = target_.host, .certificate_name = target_.certificate_name});
    if (!made) {
      End({.code = made.error().code,
           .text = "bad host name or certificate pin"});
      return;
    }
    channel = std::move(*made);
  }
  stream_.emplace(
      loop_, std::move(tcp), std::move(channel),
      SecureStreamHandlers{
          .on_open =
              [this](const PeerInfo& peer) {
                budget_.Disarm();
                handlers_.on_open(peer);
              },
          .on_bytes = [this](ByteView bytes) { handlers_.on_bytes(bytes); },
          .on_writable = [this] { handlers_.on_writable(); },
          .on_closed = [this](const StreamEnd& end) { End(end); }});
}

void StreamClient::OnBudgetSpent() {
  End(pending_end_.value_or(
      StreamEnd{.code = Errc::kTimedOut,
                .text = lookup_ && dialer_ == nullptr && !stream_
                            ? "no answer from the name servers in time"
                            : "no connection in time"}));
}

void StreamClient::End(const StreamEnd& end) {
  budget_.Disarm();
  lookup_.reset();
  dialer_.reset();
  const StreamEnd copy = end;
  stream_.reset();
  const auto on_closed = handlers_.on_closed;
  on_closed(copy);  // may destroy this
}

void StreamClient::Write(ByteView bytes) {
  if (stream_) {
    stream_->Write(bytes);
  }
}

bool StreamClient::is_writable() const {
  return stream_ && stream_->is_writable();
}

bool StreamClient::is_open() const {
  return stream_ && stream_->is_open();
}

size_t StreamClient::pending_bytes() const {
  return stream_ ? stream_->pending_bytes() : 0;
}

void StreamClient::Close() {
  if (stream_) {
    stream_->Close();
    return;
  }
  pending_end_ = StreamEnd{};
  budget_.Arm(io::EventLoop::Now());
}

}  // namespace natkit::shell
