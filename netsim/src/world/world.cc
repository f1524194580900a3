#include "natkit/netsim/world.h"

#include <algorithm>
#include <utility>

#include "world_impl.h"

namespace natkit::netsim {
namespace {

template <class Id, class Items>
std::optional<Id> FindByName(const Items& items, std::string_view name) {
  const auto found = std::ranges::find(items, name, &Items::value_type::name);
  if (found == items.end()) {
    return std::nullopt;
  }
  return static_cast<Id>(found - items.begin());
}

}  // namespace

std::string_view DescribeDrop(WorldDrop drop) {
  switch (drop) {
    case WorldDrop::kNoRoute:
      return "no route";
    case WorldDrop::kNoSuchHost:
      return "no such host on the network";
    case WorldDrop::kLoss:
      return "lost on the link";
    case WorldDrop::kQueue:
      return "the link's queue is full";
    case WorldDrop::kMtu:
      return "larger than the link's MTU";
    case WorldDrop::kBlackhole:
      return "the link is a blackhole";
    case WorldDrop::kCut:
      return "cut";
    case WorldDrop::kLinkDown:
      return "the link is down";
    case WorldDrop::kBox:
      return "dropped by the box";
    case WorldDrop::kMalformed:
      return "malformed";
    case WorldDrop::kBadChecksum:
      return "wrong checksum";
    case WorldDrop::kNotForUs:
      return "not for this host";
    case WorldDrop::kClosedPort:
      return "closed port";
    case WorldDrop::kReassembly:
      return "fragment refused";
    case WorldDrop::kCount:
      break;
  }
  return "";
}

World::World(uint64_t seed) : impl_(std::make_unique<Impl>(seed)) {}

World::World(const Scenario& scenario, uint64_t seed) : World(seed) {
  impl_->Build(scenario);
}

World::~World() = default;

NetworkId World::AddNetwork(std::string name, const IpPrefix& cidr,
                            const LinkConfig& link,
                            std::optional<IpPrefix> cidr6) {
  return impl_->AddNetwork(std::move(name), cidr, link, cidr6);
}

HostId World::AddHost(std::string name) {
  return impl_->AddHost(std::move(name));
}

BoxId World::AddBox(std::string name, NetworkId inside, NetworkId outside,
                    const NatConfig& config) {
  return impl_->AddBox(std::move(name), static_cast<uint32_t>(inside),
                       static_cast<uint32_t>(outside), config);
}

std::optional<NetworkId> World::FindNetwork(std::string_view name) const {
  return FindByName<NetworkId>(impl_->networks_, name);
}

std::optional<HostId> World::FindHost(std::string_view name) const {
  return FindByName<HostId>(impl_->hosts_, name);
}

std::optional<BoxId> World::FindBox(std::string_view name) const {
  return FindByName<BoxId>(impl_->boxes_, name);
}

Result<void> World::AddAddress(HostId host, NetworkId network,
                               const IpAddress& address) {
  return impl_->AddAddress(static_cast<uint32_t>(host),
                           static_cast<uint32_t>(network), address);
}

Result<void> World::RemoveAddress(HostId host, const IpAddress& address) {
  return impl_->RemoveAddress(static_cast<uint32_t>(host), address);
}

const std::vector<IpAddress>& World::Addresses(HostId host) const {
  return impl_->hosts_[static_cast<uint32_t>(host)].address_list;
}

Result<void> World::SetCable(std::string_view member, std::string_view network,
                             const LinkConfig& up, const LinkConfig& down) {
  return impl_->SetCable(member, network, up, down);
}

void World::SetNetworkLink(NetworkId network, const LinkConfig& link) {
  impl_->SetNetworkLink(static_cast<uint32_t>(network), link);
}

Result<void> World::BlackholeUntil(std::string_view member,
                                   std::string_view network, Instant until) {
  WorldPort* port = impl_->FindPort(member, network);
  if (port == nullptr) {
    return Fail(Errc::kNotFound);
  }
  port->up.BlackholeUntil(until);
  port->down.BlackholeUntil(until);
  port->uses_down = true;
  return {};
}

void World::SetHostMtu(HostId host, uint16_t mtu) {
  impl_->hosts_[static_cast<uint32_t>(host)].mtu = mtu;
}

Result<void> World::Attach(HostId host, Actor& actor, uint16_t port) {
  return impl_->Attach(static_cast<uint32_t>(host), actor, port);
}

void World::AttachRaw(HostId host, Actor& actor) {
  impl_->AttachRaw(static_cast<uint32_t>(host), actor);
}

void World::AttachTap(HostId host, Actor& actor) {
  impl_->AttachTap(static_cast<uint32_t>(host), actor);
}

void World::Detach(Actor& actor) {
  impl_->Detach(actor);
}

Result<void> World::SendUdp(HostId host, const Endpoint& from,
                            const Endpoint& to, ByteView payload,
                            const SendOptions& options) {
  return impl_->SendUdp(static_cast<uint32_t>(host), from, to, payload,
                        options);
}

Result<void> World::SendRaw(HostId host, ByteView packet) {
  return impl_->SendRaw(static_cast<uint32_t>(host), packet);
}

void World::At(Instant at, std::function<void()> call) {
  impl_->At(at, std::move(call));
}

Result<void> World::ApplyEvent(std::string_view member, std::string_view event,
                               std::string_view argument) {
  return impl_->ApplyEvent(member, event, argument);
}

void World::Cut(const IpAddress& source, const IpAddress& destination) {
  impl_->cuts_.insert({source, destination});
}

void World::Mend() {
  impl_->cuts_.clear();
}

void World::Reboot(BoxId box, std::optional<IpAddress> new_external) {
  impl_->Reboot(static_cast<uint32_t>(box), new_external);
}

void World::SetUdpBlocked(BoxId box, bool is_blocked) {
  engine(box).SetUdpBlocked(is_blocked);
}

bool World::Run(Duration limit, const std::function<bool()>& is_done) {
  return impl_->Run(limit, is_done);
}

void World::Stop() {
  impl_->is_stopped_ = true;
}

Instant World::now() const {
  return impl_->now_;
}

void World::SetTrace(PcapngWriter* trace) {
  impl_->trace_ = trace;
  for (WorldPort& port : impl_->ports_) {
    port.trace_interface.reset();
  }
}

const NatEngine& World::engine(BoxId box) const {
  return impl_->boxes_[static_cast<uint32_t>(box)].engine;
}

NatEngine& World::engine(BoxId box) {
  return impl_->boxes_[static_cast<uint32_t>(box)].engine;
}

const WorldCounters& World::counters() const {
  return impl_->counters_;
}

size_t World::buffer_count() const {
  return impl_->pool_.size();
}

}  // namespace natkit::netsim
