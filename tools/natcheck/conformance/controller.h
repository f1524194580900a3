#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lab.h"
#include "test_case.h"
#include "verdict.h"

namespace natkit::natcheck::conformance {

/// What the operator says about a requirement that packets do not show.
struct Statement {
  Verdict verdict = Verdict::kInconclusive;
  std::string why;
};

/// What to test.
struct Options {
  /// Requirements by id, or RFCs by number ("4787"); empty: all.
  std::vector<std::string> only;
  /// Also what takes hours.
  bool is_long = false;
  /// The box is a carrier's: RFC 6888 is about it.
  bool is_carrier = false;
  /// For the real box's Site.
  std::optional<IpAddress> pcp_server;
  std::optional<IpAddress> exempt;
  std::optional<IpAddress> conflict;
  std::vector<AddressRange> pool;
  /// By requirement. Counts where packets leave the verdict open.
  std::map<std::string, Statement, std::less<>> stated;

  [[nodiscard]] bool Wants(const Requirement& requirement) const;
};

/// Runs the tests against one box and collects the findings.
///
/// Life cycle: Start(), then packets and time come in and packets go out until
/// is_done(); then findings() has one entry per wanted requirement. First the
/// facts are found; then the tests that bear each other run at the same time,
/// also those that wait for minutes; then the others one by one. Pure: owns no
/// socket, clock or random source.
class Controller {
 public:
  /// `rng` outlives it.
  Controller(Site site, Options options, Rng& rng);
  ~Controller();
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;

  // Inputs. After each one, drain PollTransmit().
  void Start(Instant now);
  void HandlePacket(Instant now, Side side, ByteView packet);
  void HandleTimeout(Instant now);

  // Outputs.
  [[nodiscard]] std::optional<Injection> PollTransmit();
  /// nullopt once done.
  [[nodiscard]] std::optional<Instant> NextTimeout() const;

  [[nodiscard]] bool is_done() const { return is_done_; }

  /// In the order of Requirements().
  [[nodiscard]] const std::vector<Finding>& findings() const {
    return findings_;
  }

  [[nodiscard]] const Facts& facts() const { return facts_; }

 private:
  struct Running {
    std::unique_ptr<Trial> trial;
    std::optional<Task<void>> task;
  };

  Task<void> RunAll();
  [[nodiscard]] bool IsWanted(const TestCase& test) const;
  /// Why the test cannot run; empty if it can.
  [[nodiscard]] std::string Obstacle(const TestCase& test) const;
  Running& Begin(const TestCase& test);
  void Finish();
  [[nodiscard]] Finding Judge(const Requirement& requirement) const;
  void DoubtLifetimes();
  void JudgeAllProtocols();
  [[nodiscard]] Finding Default(const Requirement& requirement) const;
  void ApplyStatement(Finding& finding) const;
  void CheckDone();

  Options options_;
  Lab lab_;
  Facts facts_;
  std::vector<std::unique_ptr<Running>> running_;
  std::unique_ptr<Trial> conductor_;
  std::optional<Task<void>> all_;
  std::vector<Finding> findings_;
  bool is_done_ = false;
};

}  // namespace natkit::natcheck::conformance
