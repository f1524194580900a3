#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "engine/port_blocks.h"
#include "engine/port_set.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"
#include "natkit/netsim/nat_config.h"
#include "natkit/netsim/sim_rng.h"

namespace natkit::netsim::engine {

/// Says no to ports for reasons of its own, e.g. a flow that has the tuple.
class PortVeto {
 public:
  virtual ~PortVeto() = default;
  [[nodiscard]] virtual bool IsVetoed(uint16_t port) const = 0;
};

/// Who wants a port.
struct PortRequest {
  uint32_t pool_index = 0;  ///< the external address
  uint8_t protocol = 0;
  Endpoint inside;
  uint32_t host = 0;
  /// The host's blocks (kDynamicBlock); a new one is added here.
  std::vector<uint32_t>* blocks = nullptr;
  /// The port after that of the inside port before (contiguity).
  std::optional<uint16_t> successor;
  bool is_shed = false;  ///< kRandom whatever the configuration says
  const PortVeto* veto = nullptr;
};

/// Chooses external ports (RFC 4787 section 4.2, RFC 6888, RFC 7422, RFC 7857
/// section 9) and knows which are taken.
///
/// ICMP query identifiers are ports here, but without parity, contiguity and
/// class.
class PortAllocator {
 public:
  PortAllocator(const NatConfig& config, SimRng& rng);

  /// A port that no live mapping has; taken for the caller unless the
  /// assignment overloads. nullopt if there is none.
  [[nodiscard]] std::optional<uint16_t> Allocate(Instant now,
                                                 const PortRequest& request);
  /// Whether Allocate() could give this port if nobody had it.
  [[nodiscard]] bool CouldGive(const PortRequest& request, uint32_t pool_index,
                               uint16_t port) const;
  /// Takes this very port; false if it is taken or rests.
  [[nodiscard]] bool Take(uint32_t pool_index, uint8_t protocol, uint16_t port);
  /// Gives back a port that was taken; it rests for `port_quarantine`.
  void Release(Instant now, uint32_t pool_index, uint8_t protocol,
               uint16_t port);
  /// Takes note that a port of a block is free again. The block, if that was
  /// its last: its owner has one less.
  [[nodiscard]] std::optional<uint32_t> ReleaseFromBlock(uint32_t pool_index,
                                                         uint16_t port);

  /// The only address that this host's ports can be on (RFC 7422).
  [[nodiscard]] std::optional<uint32_t> FixedAddressFor(
      const IpAddress& inside) const;

  /// Ends the rest of ports whose time has come.
  void EndQuarantines(Instant now);
  /// Instant::max() if no port rests.
  [[nodiscard]] Instant EarliestQuarantineEnd() const;
  /// Forgets everything.
  void Reset();

  /// Whether hosts own blocks for a while; ports are then also given back to
  /// their block.
  [[nodiscard]] bool HasOwnedBlocks() const {
    return config_.port_assignment == PortAssignment::kDynamicBlock;
  }

 private:
  /// State of one protocol on one external address.
  struct Space {
    PortSet taken;
    std::optional<uint32_t> last;  ///< kSequential: the last port given
    Instant foreign_since;
  };

  struct Resting {
    Instant until;
    size_t space;
    uint16_t port;
  };

  [[nodiscard]] Space& SpaceOf(uint32_t pool_index, uint8_t protocol);
  [[nodiscard]] PortWindow FullWindow(const PortRequest& request) const;
  [[nodiscard]] PortWindow WithParity(PortWindow window,
                                      const PortRequest& request) const;
  [[nodiscard]] bool IsFree(const Space& space, const PortRequest& request,
                            uint32_t port) const;

  [[nodiscard]] std::optional<uint16_t> Choose(Instant now, Space& space,
                                               const PortRequest& request);
  [[nodiscard]] std::optional<uint16_t> ChooseRandom(Space& space,
                                                     const PortRequest& request,
                                                     const PortWindow& window);
  [[nodiscard]] std::optional<uint16_t> ChooseSequential(
      Instant now, Space& space, const PortRequest& request);
  [[nodiscard]] std::optional<uint16_t> ChooseFromBlocks(
      Space& space, const PortRequest& request);
  [[nodiscard]] std::optional<uint16_t> ChooseFromNewBlock(
      Space& space, const PortRequest& request);
  [[nodiscard]] bool MayUseSuccessor(const Space& space,
                                     const PortRequest& request) const;
  /// How many mappings others have made meanwhile (Poisson).
  [[nodiscard]] uint32_t DrawForeign(Instant now, Space& space);

  const NatConfig& config_;
  SimRng& rng_;
  std::optional<PortBlocks> blocks_;
  std::vector<std::unique_ptr<Space>> spaces_;
  std::deque<Resting> resting_;
};

}  // namespace natkit::netsim::engine
