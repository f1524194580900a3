#include "control/proto_support.h"

#include <limits>

namespace natkit::mesh {

namespace {

bool AddressFromWire(const std::string& ip, IpAddress& to) {
  const auto address = IpAddress::FromBytes(AsBytes(ip));
  if (address) {
    to = *address;
  }
  return address.has_value();
}

}  // namespace

bool FromWire(const std::string& text, std::optional<PublicKey>& out) {
  out.reset();
  return text.empty() || FromWire(text, out.emplace().bytes);
}

void ToWire(const IpAddress& from, wire::Address& to) {
  to.set_ip(ToWire(from.bytes()));
}

void ToWire(const IpPrefix& from, wire::Prefix& to) {
  to.set_ip(ToWire(from.address().bytes()));
  to.set_length(static_cast<uint32_t>(from.length()));
}

void ToWire(const natkit::Endpoint& from, wire::Endpoint& to) {
  to.set_ip(ToWire(from.address.bytes()));
  to.set_port(from.port);
}

bool FromWire(const wire::Address& from, IpAddress& to) {
  return AddressFromWire(from.ip(), to);
}

bool FromWire(const wire::Prefix& from, IpPrefix& to) {
  IpAddress address;
  if (!AddressFromWire(from.ip(), address) || from.length() > 128) {
    return false;
  }
  const auto prefix = IpPrefix::Make(address, static_cast<int>(from.length()));
  if (!prefix || prefix->address() != address) {
    return false;
  }
  to = *prefix;
  return true;
}

bool FromWire(const wire::Endpoint& from, natkit::Endpoint& to) {
  if (from.port() == 0 || from.port() > std::numeric_limits<uint16_t>::max()) {
    return false;
  }
  to.port = static_cast<uint16_t>(from.port());
  return AddressFromWire(from.ip(), to.address);
}

bool StringsFromWire(
    const google::protobuf::RepeatedPtrField<std::string>& from, size_t limit,
    size_t longest, std::vector<std::string>& to) {
  to.assign(from.begin(), from.end());
  return to.size() <= limit &&
         std::ranges::all_of(to, [longest](const std::string& text) {
           return text.size() <= longest;
         });
}

}  // namespace natkit::mesh
