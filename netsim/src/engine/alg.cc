#include "engine/alg.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <string>
#include <string_view>

#include "packet/wire.h"

namespace natkit::netsim::engine {
namespace {

constexpr size_t kPortSize = 2;

bool HasPortAt(ByteView bytes, size_t at, uint16_t port) {
  return at + kPortSize <= bytes.size() && wire::Get16(bytes, at) == port;
}

/// False if there was nothing to replace.
bool ReplaceBinary(MutableBytes bytes, const Endpoint& from,
                   const Endpoint& to) {
  const auto old_bytes = from.address.bytes();
  const auto new_bytes = to.address.bytes();
  size_t done = 0;  // before it nothing is looked at again
  const auto find = [&] {
    return static_cast<size_t>(
        std::search(bytes.begin() + static_cast<std::ptrdiff_t>(done),
                    bytes.end(), old_bytes.begin(), old_bytes.end()) -
        bytes.begin());
  };
  bool has_found = false;
  for (size_t at = find(); at < bytes.size(); at = find()) {
    has_found = true;
    if (at >= done + kPortSize && HasPortAt(bytes, at - kPortSize, from.port)) {
      wire::Put16(bytes, at - kPortSize, to.port);
    }
    std::ranges::copy(new_bytes,
                      bytes.begin() + static_cast<std::ptrdiff_t>(at));
    done = at + old_bytes.size();
    if (HasPortAt(bytes, done, from.port)) {
      wire::Put16(bytes, done, to.port);
      done += kPortSize;
    }
  }
  return has_found;
}

constexpr bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

/// Whether `text` goes on from `at` with something that is no part of an
/// address or a number.
bool EndsAt(std::string_view text, size_t at) {
  return at >= text.size() ||
         (!IsDigit(text[at]) &&
          (text[at] != '.' || at + 1 >= text.size() || !IsDigit(text[at + 1])));
}

std::string ReplaceText(std::string_view text, const Endpoint& from,
                        const Endpoint& to) {
  const std::string address = from.address.ToString();
  const std::string port = ":" + std::to_string(from.port);
  std::string out;
  size_t done = 0;
  for (size_t at = text.find(address); at != std::string_view::npos;
       at = text.find(address, done)) {
    const size_t end = at + address.size();
    const bool begins =
        at == 0 || (!IsDigit(text[at - 1]) && text[at - 1] != '.');
    out += text.substr(done, at - done);
    done = end;
    if (!begins || !EndsAt(text, end)) {
      out += address;
      continue;
    }
    out += to.address.ToString();
    if (text.substr(end).starts_with(port) && EndsAt(text, end + port.size())) {
      out += ":" + std::to_string(to.port);
      done += port.size();
    }
  }
  return out += text.substr(done);
}

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) {
    return (x >= 'A' && x <= 'Z' ? x - 'A' + 'a' : x) == y;
  });
}

/// Exchanges the value of Content-Length (RFC 3261 section 20.14) if it says
/// `before`. `head` is lines that end with CRLF.
std::string FixContentLength(std::string_view head, size_t before,
                             size_t after) {
  std::string out;
  while (!head.empty()) {
    const size_t end = std::min(head.find("\r\n"), head.size() - 2) + 2;
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(end);
    const size_t colon = line.find(':');
    std::string_view name = line.substr(0, std::min(colon, line.size()));
    name = name.substr(
        0, std::min(name.find_last_not_of(" \t"), name.size() - 1) + 1);
    const size_t value = line.find_first_not_of(" \t", colon + 1);
    size_t length = 0;
    const bool is_it =
        colon != std::string_view::npos && value != std::string_view::npos &&
        (EqualsIgnoringCase(name, "content-length") ||
         EqualsIgnoringCase(name, "l")) &&
        std::from_chars(line.data() + value, line.data() + line.size(), length)
                .ec == std::errc{} &&
        length == before;
    if (is_it) {
      out += line.substr(0, value);
      out += std::to_string(after) + "\r\n";
    } else {
      out += line;
    }
  }
  return out;
}

}  // namespace

void RewriteBinaryEndpoints(MutableBytes packet, const PacketInfo& info,
                            const Endpoint& from, const Endpoint& to) {
  const auto payload = UdpPayload(packet, info);
  if (!payload) {
    return;
  }
  const MutableBytes udp = packet.subspan(info.transport_offset);
  const MutableBytes bytes = udp.subspan(wire::kUdpHeaderSize, payload->size());
  const uint16_t before = InternetChecksum(bytes);
  const uint16_t checksum = wire::Get16(udp, wire::kUdpChecksum);
  if (!ReplaceBinary(bytes, from, to) || checksum == 0) {
    return;
  }
  // RFC 1624, equation 3; the payload begins on a word.
  const uint32_t sum = static_cast<uint16_t>(~checksum) + uint32_t{before} +
                       static_cast<uint16_t>(~InternetChecksum(bytes));
  const auto updated = static_cast<uint16_t>(~wire::Fold(sum));
  wire::Put16(udp, wire::kUdpChecksum, updated == 0 ? 0xffff : updated);
}

std::optional<std::vector<uint8_t>> RewriteTextEndpoints(ByteView packet,
                                                         const PacketInfo& info,
                                                         const Endpoint& from,
                                                         const Endpoint& to) {
  const auto payload = UdpPayload(packet, info);
  if (!payload || !HasValidTransportChecksum(packet, info)) {
    return std::nullopt;
  }
  const std::string before(payload->begin(), payload->end());
  const size_t blank = before.find("\r\n\r\n");
  const size_t head_size =
      blank == std::string::npos ? before.size() : blank + 4;
  const std::string_view view = before;
  const std::string body = ReplaceText(view.substr(head_size), from, to);
  std::string text = ReplaceText(view.substr(0, head_size), from, to);
  if (blank != std::string::npos) {
    text = FixContentLength(text, before.size() - head_size, body.size());
  }
  text += body;
  const size_t head = info.transport_offset + wire::kUdpHeaderSize;
  if (text == before || head + text.size() > 0xffff) {
    return std::nullopt;
  }
  std::vector<uint8_t> out(packet.begin(),
                           packet.begin() + static_cast<std::ptrdiff_t>(head));
  out.insert(out.end(), text.begin(), text.end());
  wire::Put16(out, wire::kIpv4TotalLength, static_cast<uint16_t>(out.size()));
  wire::Put16(out, info.transport_offset + wire::kUdpLength,
              static_cast<uint16_t>(wire::kUdpHeaderSize + text.size()));
  FixChecksums(out);
  return out;
}

}  // namespace natkit::netsim::engine
