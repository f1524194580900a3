#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "fabric/fabric.h"
#include "natkit/base/time.h"
#include "run/fabric_plan.h"
#include "run/files.h"

namespace natkit::netsim {

/// What the engine process does: moves frames between devices and a Fabric in
/// real time, and answers on the control socket. One thread.
class EngineServer : private FrameSink {
 public:
  /// `devices` are open as FabricPlan::devices says, `control` listens,
  /// `keeper` becomes readable when the run is over.
  EngineServer(FabricPlan plan, std::vector<FileDescriptor> devices,
               FileDescriptor control, FileDescriptor keeper);
  EngineServer(const EngineServer&) = delete;  // the fabric refers to it
  EngineServer& operator=(const EngineServer&) = delete;
  ~EngineServer() override = default;

  /// Returns when the run is over, or with what went wrong.
  [[nodiscard]] Outcome<void> Run();

 private:
  /// A caller of the control socket: one request, one answer.
  struct Client {
    FileDescriptor socket;
    std::string request;
    std::string answer;
    size_t sent = 0;
    bool is_answering = false;
  };

  /// A frame that waits to be written.
  struct Leaving {
    int fd = -1;
    ByteView frame;
  };

  void SendFrame(size_t port, ByteView frame) override;

  [[nodiscard]] Outcome<void> Watch();
  void HandleEvent(uint64_t tag);
  void ForwardFrames(size_t device);
  /// Frames of a device to `batch_`.
  void ReadBatch(int fd);
  void WriteLeaving();
  [[nodiscard]] bool IsInBuffer(ByteView frame) const;
  void AcceptClients();
  void HandleClient(uint64_t tag);
  /// False when the client is done with.
  [[nodiscard]] bool ReadRequest(uint64_t tag, Client& client);
  [[nodiscard]] static bool WriteAnswer(Client& client);
  [[nodiscard]] std::optional<Duration> TimeToWait(Instant now);

  static constexpr size_t kMaxClients = 64;
  static constexpr size_t kMaxRequest = 4096;

  FabricPlan plan_;
  std::vector<FileDescriptor> devices_;
  std::vector<int> fd_of_port_;  ///< -1: a box
  FileDescriptor control_;
  FileDescriptor keeper_;
  FileDescriptor epoll_;
  Fabric fabric_;
  std::vector<uint8_t> buffer_;      ///< what was read
  std::vector<MutableBytes> batch_;  ///< frames in it
  std::vector<Leaving> leaving_;     ///< those of them that leave
  std::map<uint64_t, Client> clients_;
  uint64_t next_client_ = 0;
  bool is_over_ = false;
};

}  // namespace natkit::netsim
