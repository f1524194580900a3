#include "natkit/shell/secure_stream.h"

#include <algorithm>
#include <array>
#include <utility>

#include "natkit/derp/meta_certificate.h"

namespace natkit::shell {
namespace {

constexpr std::string_view kCoordinationLabel = "EXPORTER-natkit-coordination";

/// Ciphertext is decrypted in pieces of this size, plaintext handed out in one
/// TLS record at most.
constexpr size_t kPiece = size_t{16} * 1024;

}  // namespace

/// Kept alive by the handlers of `tcp` while they run.
struct SecureStream::Impl : std::enable_shared_from_this<Impl> {
  std::optional<io::TcpStream> tcp;
  std::optional<tls::Channel> channel;
  SecureStreamHandlers handlers;
  StreamEnd end;
  bool has_opened = false;
  bool is_ending = false;  ///< Close(), Abort() or a failure came
  bool is_dead = false;    ///< the owner is gone: call nobody

  void Start(io::EventLoop& loop);
  void OnOpen();
  void OnData(ByteView bytes);
  bool OnPiece(ByteView ciphertext);
  bool ReadPlaintext();
  void OnEnd(Errc reason);
  void FailWith(Errc code);
  void Flush();
  void WriteSecure(ByteView bytes);
};

std::string StreamEnd::ToString() const {
  return text.empty() ? std::string(ErrcName(code)) : text;
}

void SecureStream::Impl::Start(io::EventLoop& loop) {
  const std::weak_ptr<Impl> weak = weak_from_this();
  const auto guarded = [weak](auto call) {
    return [weak, call](auto... arguments) {
      if (const auto self = weak.lock(); self != nullptr && !self->is_dead) {
        call(*self, arguments...);
      }
    };
  };
  tcp->SetHandlers(
      {.on_data = guarded([](Impl& self, ByteView b) { self.OnData(b); }),
       .on_drained = guarded([](Impl& self) {
         if (self.has_opened && !self.is_ending) {
           self.handlers.on_writable();
         }
       }),
       .on_closed = guarded([](Impl& self, Errc r) { self.OnEnd(r); })});
  if (channel) {
    Flush();
  } else {
    loop.Post(guarded([](Impl& self) {
      if (!self.has_opened && !self.is_ending) {
        self.OnOpen();
      }
    }));
  }
}

void SecureStream::Impl::OnOpen() {
  has_opened = true;
  PeerInfo peer{.remote = tcp->remote_endpoint()};
  if (channel) {
    peer.version = channel->version();
    peer.chain = channel->PeerChain();
    auto& exporter = peer.coordination_exporter.emplace();
    if (!channel->ExportKeyingMaterial(kCoordinationLabel, {}, exporter)) {
      peer.coordination_exporter.reset();
    }
  }
  handlers.on_open(peer);
}

void SecureStream::Impl::OnData(ByteView bytes) {
  if (is_ending) {
    return;
  }
  if (!channel) {
    if (!has_opened) {
      OnOpen();
    }
    if (!is_dead && !is_ending) {
      handlers.on_bytes(bytes);
    }
    return;
  }
  while (!bytes.empty()) {
    const ByteView piece = bytes.first(std::min(bytes.size(), kPiece));
    bytes = bytes.subspan(piece.size());
    if (!OnPiece(piece)) {
      return;
    }
  }
}

/// False when the stream is ending or its owner is gone.
bool SecureStream::Impl::OnPiece(ByteView ciphertext) {
  const auto taken = channel->HandleCiphertext(ciphertext);
  Flush();
  if (!taken) {
    FailWith(taken.error().code);
    return false;
  }
  if (!has_opened && channel->is_handshake_done()) {
    OnOpen();
  }
  return ReadPlaintext();
}

bool SecureStream::Impl::ReadPlaintext() {
  std::array<uint8_t, kPiece> plaintext;
  while (!is_dead && !is_ending) {
    const auto size = channel->ReadPlaintext(plaintext);
    Flush();  // an answer to a key update, or the alert of a failure
    if (!size) {
      FailWith(size.error().code);
      return false;
    }
    if (*size == 0) {
      if (channel->is_peer_closed()) {
        is_ending = true;
        channel->Close();
        Flush();
        tcp->Close();
      }
      break;
    }
    handlers.on_bytes(ByteView(plaintext).first(*size));
  }
  return !is_dead && !is_ending;
}

void SecureStream::Impl::OnEnd(Errc reason) {
  const bool is_first = end.code == Errc::kClosed && end.text.empty();
  if (is_first) {
    end.code = reason;
    const bool is_cut =
        channel && !is_ending && !channel->HandleEndOfStream().has_value();
    if (is_cut && reason == Errc::kClosed) {
      end.text = channel->error_text();
      end.code = has_opened ? Errc::kClosed : Errc::kTlsHandshake;
    }
  }
  is_ending = true;
  handlers.on_closed(end);
}

void SecureStream::Impl::FailWith(Errc code) {
  is_ending = true;
  end = {.code = code, .text = channel->error_text()};
  tcp->Close();  // lets the alert out; on_closed follows
}

void SecureStream::Impl::Flush() {
  if (!tcp) {
    return;
  }
  const ByteView pending = channel->PendingCiphertext();
  if (!pending.empty()) {
    tcp->Write(pending);
    channel->ConsumeCiphertext(pending.size());
  }
}

void SecureStream::Impl::WriteSecure(ByteView bytes) {
  while (!bytes.empty()) {
    const auto written = channel->WritePlaintext(bytes);
    if (!written) {
      end = {.code = written.error().code, .text = channel->error_text()};
      is_ending = true;
      tcp->Abort();
      return;
    }
    Flush();
    bytes = bytes.subspan(*written);
  }
}

SecureStream::SecureStream(io::EventLoop& loop, io::TcpStream tcp,
                           std::optional<tls::Channel> channel,
                           SecureStreamHandlers handlers)
    : impl_(std::make_shared<Impl>()) {
  impl_->tcp.emplace(std::move(tcp));
  impl_->channel = std::move(channel);
  impl_->handlers = std::move(handlers);
  impl_->Start(loop);
}

SecureStream::SecureStream(SecureStream&&) noexcept = default;

SecureStream& SecureStream::operator=(SecureStream&& other) noexcept {
  std::swap(impl_, other.impl_);
  return *this;
}

SecureStream::~SecureStream() {
  if (impl_ != nullptr) {
    impl_->is_dead = true;
    impl_->tcp.reset();
  }
}

void SecureStream::Write(ByteView bytes) {
  if (!is_open()) {
    return;
  }
  if (impl_->channel) {
    impl_->WriteSecure(bytes);
  } else {
    impl_->tcp->Write(bytes);
  }
}

bool SecureStream::is_writable() const {
  return is_open() && impl_->tcp->is_writable();
}

bool SecureStream::is_open() const {
  return impl_->has_opened && !impl_->is_ending;
}

size_t SecureStream::pending_bytes() const {
  return impl_->tcp->pending_bytes();
}

void SecureStream::Close() {
  if (impl_->is_ending) {
    return;
  }
  impl_->is_ending = true;
  if (impl_->channel) {
    impl_->channel->Close();
    impl_->Flush();
  }
  impl_->tcp->Close();
}

void SecureStream::Abort() {
  impl_->is_ending = true;
  impl_->tcp->Abort();
}

std::optional<PublicKey> FastStartKey(const PeerInfo& peer) {
  if (peer.version != tls::Version::kTls13) {
    return std::nullopt;
  }
  const std::vector<ByteView> chain(peer.chain.begin(), peer.chain.end());
  const auto meta = derp::FindMetaCertificate(chain);
  return meta ? std::optional(meta->server_key) : std::nullopt;
}

}  // namespace natkit::shell
