#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/io/unique_fd.h"

namespace natkit::shell {

/// Answers searches and HTTP requests on a thread of its own, as a test says.
/// It is at an address of 127.0.0.0/8, since searches go to port 1900.
class FakeUpnpDevice {
 public:
  /// The bytes to send for a request; then the connection is closed, unless
  /// `drips`.
  using Answer = std::function<std::string(std::string_view request)>;

  explicit FakeUpnpDevice(const IpAddress& address);
  ~FakeUpnpDevice();
  FakeUpnpDevice(const FakeUpnpDevice&) = delete;
  FakeUpnpDevice& operator=(const FakeUpnpDevice&) = delete;

  /// `locations` are told in this order, each for one search that comes;
  /// "/path" is on this device.
  void Start(std::vector<std::string> locations, Answer answer);

  /// After an answer, one more byte whenever the peer has time, without end.
  std::atomic<bool> drips = false;

  [[nodiscard]] const Endpoint& http() const { return http_; }

  /// The first lines of all requests so far.
  [[nodiscard]] std::vector<std::string> requests() const;

 private:
  void Run();
  void AnswerSearch();
  void Serve();

  IpAddress address_;
  Endpoint http_;
  io::UniqueFd search_;
  io::UniqueFd listener_;
  io::UniqueFd stop_;
  std::vector<std::string> locations_;
  size_t told_ = 0;
  Answer answer_;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  std::thread thread_;
};

}  // namespace natkit::shell
