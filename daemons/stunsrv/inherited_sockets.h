#pragma once

#include <string>
#include <vector>

#include "natkit/io/batch_socket.h"
#include "natkit/io/unique_fd.h"
#include "natkit/shell/outcome.h"

namespace natkit::stunsrv {

/// A listening stream socket and what systemd calls it (FileDescriptorName=).
struct InheritedListener {
  io::UniqueFd fd;
  std::string name;
};

/// Sockets that the service manager opened (sd_listen_fds(3)).
struct InheritedSockets {
  std::vector<io::BatchSocket> udp;
  std::vector<InheritedListener> streams;

  [[nodiscard]] bool is_empty() const { return udp.empty() && streams.empty(); }
};

/// Takes the sockets that $LISTEN_FDS counts, if $LISTEN_PID is this process,
/// and forgets the variables. The error names a socket of another kind.
[[nodiscard]] shell::Outcome<InheritedSockets> TakeInheritedSockets();

}  // namespace natkit::stunsrv
