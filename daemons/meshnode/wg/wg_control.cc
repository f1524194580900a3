#include "wg/wg_control.h"

#include <algorithm>
#include <utility>

#include "natkit/base/secret.h"

namespace natkit::meshnode {

namespace {

void Wipe(std::string& text) {
  WipeBytes({reinterpret_cast<uint8_t*>(text.data()), text.size()});
  text.clear();
}

/// Appends without leaving a copy behind in memory that was given back.
void AppendSecret(std::string& text, std::string_view more) {
  if (text.size() + more.size() > text.capacity()) {
    std::string larger;
    larger.reserve(std::max(text.capacity() * 2, text.size() + more.size()));
    larger = text;
    Wipe(text);
    text = std::move(larger);
  }
  text += more;
}

}  // namespace

WgControl::Connection::Connection(io::UnixStream accepted)
    : stream(std::move(accepted)) {}

WgControl::Connection::~Connection() {
  Wipe(input);
}

WgControl::WgControl(io::EventLoop& loop, Handler handler)
    : loop_(loop), handler_(std::move(handler)) {}

Result<void> WgControl::Listen(const std::string& path) {
  auto listener = io::UnixListener::Listen(
      loop_, path,
      [this](io::UnixStream stream) { Accept(std::move(stream)); });
  if (!listener) {
    return std::unexpected(listener.error());
  }
  listener_.emplace(*std::move(listener));
  return {};
}

void WgControl::Accept(io::UnixStream stream) {
  if (connections_.size() >= kMaxConnections) {
    return;  // closes it
  }
  const uint64_t id = next_id_++;
  const auto [position, is_new] =
      connections_.try_emplace(id, std::move(stream));
  position->second.stream.SetHandlers(
      {.on_data = [this, id](ByteView bytes) { HandleData(id, bytes); },
       .on_closed = [this, id](Errc /*reason*/) { connections_.erase(id); }});
}

void WgControl::HandleData(uint64_t id, ByteView bytes) {
  Connection& connection = connections_.at(id);
  AppendSecret(connection.input, AsText(bytes));
  std::string request;
  while (TakeRequest(connection.input, request)) {
    const wg::SecretText answer = handler_(request);
    Wipe(request);
    connection.stream.Write(AsBytes(answer.Expose()));
  }
  if (connection.input.size() > kMaxRequest) {
    connections_.erase(id);
  }
}

bool WgControl::TakeRequest(std::string& input, std::string& request) {
  const size_t end = input.find("\n\n");
  if (end == std::string::npos) {
    return false;
  }
  request.assign(input, 0, end + 1);
  std::string rest(input, end + 2);
  Wipe(input);
  input = std::move(rest);
  return true;
}

}  // namespace natkit::meshnode
