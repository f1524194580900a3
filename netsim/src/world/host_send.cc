// What a host sends.

#include <algorithm>

#include "natkit/base/copy.h"
#include "udp_writer.h"
#include "world_impl.h"

namespace natkit::netsim {
namespace {

constexpr size_t kMaxUdpPayload = 65507;

}  // namespace

Result<void> World::Impl::SendUdp(uint32_t host, Endpoint from,
                                  const Endpoint& to, ByteView payload,
                                  const SendOptions& options) {
  WorldHost& sender = hosts_[host];
  if (from.address.family() != to.address.family() || from.port == 0 ||
      to.port == 0) {
    return Fail(Errc::kBadValue);
  }
  const auto port = SourcePort(sender, from.address, to.address.family());
  if (!port) {
    return std::unexpected(port.error());
  }
  const size_t size = UdpPacketSize(to.address.family(), payload.size());
  if (payload.size() > kMaxUdpPayload ||
      (options.dont_fragment && size > sender.mtu)) {
    return Fail(Errc::kBadLength);
  }
  Packet* packet = pool_.Take(size);
  WriteUdp(packet->bytes(), from, to, payload,
           {.ttl = options.ttl,
            .id = sender.next_ip_id++,
            .dont_fragment = options.dont_fragment});
  ++counters_.sent;
  if (size <= sender.mtu) {
    Emit(*port, packet);
  } else {
    EmitFragments(*port, packet->bytes(), sender.mtu);
    pool_.Return(packet);
  }
  return {};
}

Result<void> World::Impl::SendRaw(uint32_t host, ByteView packet) {
  const auto info = ParsePacket(packet);
  if (!info) {
    return Fail(Errc::kBadLength);
  }
  const WorldHost& sender = hosts_[host];
  if (sender.addresses.empty()) {
    return Fail(Errc::kAddressNotAvailable);
  }
  // A forged source leaves by the first address.
  const HostAddress* source = sender.Find(info->source.address);
  ++counters_.sent;
  EmitCopy(source == nullptr ? sender.addresses.front().port : source->port,
           packet.first(info->total_size));
  return {};
}

Result<PortId> World::Impl::SourcePort(const WorldHost& host,
                                       IpAddress& address,
                                       AddressFamily family) const {
  if (!address.is_unspecified()) {
    const HostAddress* found = host.Find(address);
    if (found == nullptr) {
      return Fail(Errc::kAddressNotAvailable);
    }
    return found->port;
  }
  const auto first = std::ranges::find(
      host.addresses, family,
      [](const HostAddress& own) { return own.address.family(); });
  if (first == host.addresses.end()) {
    return Fail(Errc::kAddressNotAvailable);
  }
  address = first->address;
  return first->port;
}

void World::Impl::EmitFragments(PortId from, ByteView packet, size_t mtu) {
  const auto fragments =
      FragmentPacket(packet, mtu, hosts_[ports_[from].owner].next_ip_id++);
  counters_.sent += fragments.empty() ? 0 : fragments.size() - 1;
  for (const auto& fragment : fragments) {
    EmitCopy(from, fragment);
  }
}

void World::Impl::EmitCopy(PortId from, ByteView packet) {
  Packet* copy = pool_.Take(packet.size());
  CopyBytes(packet, copy->bytes());
  Emit(from, copy);
}

}  // namespace natkit::netsim
