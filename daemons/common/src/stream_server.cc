#include "natkit/shell/stream_server.h"

#include <utility>

namespace natkit::shell {
namespace {

/// What the operator can do about it; empty when the code says it all.
std::string_view Advice(Errc code) {
  switch (code) {
    case Errc::kAddressInUse:
      return "; another program has this port, stop it or choose another";
    case Errc::kPermissionDenied:
      return "; ports under 1024 need root or CAP_NET_BIND_SERVICE";
    default:
      return "";
  }
}

}  // namespace

std::string DescribeListenFailure(const char* protocol, const Endpoint& local,
                                  const Error& error) {
  std::string text = std::string("cannot listen on ") + protocol + " " +
                     local.ToString() + ": ";
  text += ErrcName(error.code);
  text += Advice(error.code);
  return text;
}

StreamServer::StreamServer(io::EventLoop& loop, const tls::ServerContext* tls,
                           const io::StreamOptions& options,
                           AcceptHandler on_accept)
    : loop_(loop),
      tls_(tls),
      options_(options),
      on_accept_(std::move(on_accept)) {}

Outcome<void> StreamServer::Listen(const Endpoint& local) {
  auto listener = io::TcpListener::Listen(
      loop_, local, [this](io::TcpStream tcp) { OnAccept(std::move(tcp)); },
      options_);
  if (!listener) {
    return std::unexpected(
        DescribeListenFailure("TCP", local, listener.error()));
  }
  listeners_.push_back(std::move(*listener));
  return {};
}

std::vector<Endpoint> StreamServer::local_endpoints() const {
  std::vector<Endpoint> endpoints;
  for (const auto& listener : listeners_) {
    endpoints.push_back(listener.local_endpoint());
  }
  return endpoints;
}

void StreamServer::OnAccept(io::TcpStream tcp) {
  std::optional<tls::Channel> channel;
  if (tls_ != nullptr) {
    channel = tls::Channel::Server(*tls_);
  }
  on_accept_({.tcp = std::move(tcp), .channel = std::move(channel)});
}

}  // namespace natkit::shell
