#pragma once

#include <string>
#include <vector>

#include "run_report.h"

namespace natkit::netsim::program {

/// The subcommands of the netsim program. Options are the members; each
/// command prints to standard output, complains to standard error, and sets
/// the exit status: 0 done, 1 failed, 2 a scenario file is wrong.
class Commands {
 public:
  void Check();
  void Draw();
  void ListProfiles();
  void ListParameters();
  void Up();
  void List();
  void Down();
  void Clean();
  void Exec();
  void SendEvent();
  void Show();
  void RunSteps();

  std::string file;
  std::string id;
  std::string member;
  std::vector<std::string> command;
  std::string event;
  std::vector<std::string> event_words;
  std::string new_address;
  std::string junit_file;
  bool as_json = false;
  bool all = false;
  bool keep = false;
  int exit_status = 0;

 private:
  void Fail(const std::string& text);
  /// The chosen or default run; empty, and a complaint, if there is none.
  [[nodiscard]] std::string Run();
  void DownAll();
  void Leave(const std::string& run);
  void WriteReport(const RunReport& report);
};

}  // namespace natkit::netsim::program
