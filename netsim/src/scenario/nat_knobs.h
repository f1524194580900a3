#pragma once

#include <toml++/toml.h>

#include <string_view>

#include "natkit/netsim/nat_config.h"
#include "scenario/toml_table.h"

namespace natkit::netsim {

/// One key of a [[nat]] table that changes a behaviour of its profile.
struct NatKnob {
  std::string_view key;
  std::string_view values;   ///< what may be written, for people
  std::string_view meaning;  ///< what it does, with the RFC requirement
  /// Reads the key if it is there; reports what is wrong with it.
  void (*read)(std::string_view key, TomlTable& table, NatConfig& config);
  /// Writes the value of `config` so that `read` finds it again.
  void (*write)(std::string_view key, const NatConfig& config,
                toml::table& table);
};

/// Reads every knob of a [[nat]] table over what the profile says.
void ReadNatKnobs(TomlTable& table, NatConfig& config);

/// Writes the knobs in which `config` differs from `profile`.
void WriteNatKnobs(const NatConfig& config, const NatConfig& profile,
                   toml::table& table);

}  // namespace natkit::netsim
