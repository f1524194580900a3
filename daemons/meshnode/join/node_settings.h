#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "commands/command_support.h"
#include "join/join_options.h"

namespace natkit::meshnode {

/// What `meshnode set` has changed of what `meshnode up` was asked for, and
/// outlives the run.
///
///   hostname             what to be called
///   accept-dns           the system resolves names of the mesh
///   accept-routes        use networks behind other nodes
///   advertise-routes     networks with commas between them, or none
///   advertise-exit-node  be a way to the internet for others
///   snat-subnet-routes   what others send there has this host's address
///   exit-node            a node's name or mesh address, or off
///   exit-node-allow-lan-access  reach local networks past the exit
///
/// Those without a value here take true or false.
class NodeSettings {
 public:
  using Values = std::map<std::string, std::string>;

  /// Reads what Format() wrote; the error is for the user.
  [[nodiscard]] static Outcome<NodeSettings> Parse(std::string_view text);
  /// A JSON object.
  [[nodiscard]] std::string Format() const;

  /// An empty `value` is what `up` says again. The error names the key and
  /// what it takes.
  [[nodiscard]] Outcome<void> Set(const std::string& key,
                                  const std::string& value);
  /// Puts them over what `up` was asked for.
  void ApplyTo(JoinOptions& options) const;

  [[nodiscard]] const Values& values() const { return values_; }

 private:
  Values values_;  ///< each checked
};

/// What IsHostName() takes, for messages.
inline constexpr std::string_view kHostNameRule =
    "a name of up to 63 characters without blanks, with a letter (a-z) or "
    "digit before its first dot";

/// Whether the server can make a node's name of it.
[[nodiscard]] bool IsHostName(std::string_view text);

/// Networks to offer with commas between them, or "none". The error is for the
/// user.
[[nodiscard]] Outcome<std::vector<IpPrefix>> ParseRoutes(std::string_view text);

/// A node's name or mesh address; empty for "none" and "off". The error is for
/// the user.
[[nodiscard]] Outcome<std::string> ParseExitNode(std::string_view text);

/// What cannot be together, as a sentence for the user.
[[nodiscard]] Outcome<void> CheckTogether(const JoinOptions& options);

/// All settings as they are in force, as NodeSettings takes them.
[[nodiscard]] NodeSettings::Values SettingsOf(const JoinOptions& options);

}  // namespace natkit::meshnode
