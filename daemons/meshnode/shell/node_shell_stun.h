#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/result.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/resolver.h"
#include "natkit/io/timer.h"
#include "natkit/mesh/mesh_file.h"

namespace natkit::meshnode {

/// Keeps the addresses of the mesh's STUN servers: those beside relays and
/// those of their own. Looked up at Refresh(), then every five minutes, and
/// sooner while a name does not resolve. A name that fails keeps the addresses
/// it had.
class StunDirectory {
 public:
  /// At most this many addresses of each family are used of one host.
  static constexpr size_t kMaxPerFamily = 1;

  /// Called with all endpoints known whenever a lookup ends.
  using Handler = std::function<void(std::vector<Endpoint> servers)>;

  StunDirectory(io::EventLoop& loop, const mesh::MeshFile& mesh,
                Handler on_servers);

  /// Other servers from now on; those that stay keep what is known of them.
  void SetMesh(const mesh::MeshFile& mesh);
  /// Looks every host up now.
  void Refresh();

 private:
  struct Host {
    std::string name;
    uint16_t port = 0;
    std::vector<Endpoint> known;
    bool is_under_way = false;
    bool has_failed = false;
  };

  void HandleResult(const std::string& name, uint16_t port,
                    const Result<std::vector<IpAddress>>& result);
  void Tell();

  std::vector<Host> hosts_;
  Handler on_servers_;
  Duration retry_;
  io::Timer timer_;
  io::Resolver resolver_;
};

}  // namespace natkit::meshnode
