#pragma once

#include <memory>
#include <string>
#include <vector>

#include "commands/command_support.h"
#include "join/membership.h"
#include "natkit/mesh/routing/route_plan.h"
#include "routes/route_manager.h"

namespace natkit::meshnode {

/// The ways that packets of a joined node take: makes a plan of what its map,
/// its own options and the host's networks say, and has it carried out.
class NodeRoutes {
 public:
  /// Undoes what an earlier process left. The error is for the user.
  [[nodiscard]] static Outcome<std::unique_ptr<NodeRoutes>> Start(
      RouteSettings settings);

  /// Of the node's own packets (SO_MARK): no route of ours applies to them.
  [[nodiscard]] uint32_t fwmark() const { return settings_.fwmark; }

  /// What the plan is made of, beside the host's networks.
  struct Source {
    const mesh::NetworkMap& map;
    const Membership& membership;
    std::vector<IpAddress> addresses;  ///< of the interface
    uint16_t mtu = 0;                  ///< of the interface
  };

  /// The interface is there. What cannot be done, or should be known, is
  /// logged when it is new.
  void Update(const Source& source);

  /// An exit is in use, or chosen, and names are to be asked through it.
  [[nodiscard]] bool takes_all_dns() const { return takes_all_dns_; }

  /// Whether the chosen exit is there, is one, and the system's routes are what
  /// the last plan wants.
  [[nodiscard]] bool is_exit_usable() const { return is_exit_usable_; }

  /// What keeps routes from working, for people.
  [[nodiscard]] std::vector<std::string> Troubles() const;

 private:
  explicit NodeRoutes(RouteSettings settings);
  [[nodiscard]] routing::PlanInput MakeInput(const Source& source) const;
  void Note(std::vector<std::string> findings);

  RouteSettings settings_;
  RouteManager manager_;
  std::vector<std::string> findings_;  ///< that have been logged
  std::vector<std::string> troubles_;  ///< of the last plan
  bool is_exit_usable_ = true;
  bool takes_all_dns_ = false;
};

/// Of the routes that a node offers, those that the mesh has approved: they
/// are in use. An exit's are both default routes.
[[nodiscard]] std::vector<IpPrefix> RoutesInUse(const mesh::NetworkMap& map,
                                                const RoutingOptions& options);

}  // namespace natkit::meshnode
