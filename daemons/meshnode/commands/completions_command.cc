#include "commands/completions_command.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <string>

#include "commands/command_support.h"

namespace natkit::meshnode {

namespace {

/// What all three ask: commands, the options of one, the settings, the peers.
constexpr const char* kQuestions = R"sh(
_meshnode_commands() {
  "$1" --help 2>/dev/null | sed -n 's/^  \([a-z]\{1,\}\) .*/\1/p'
}
_meshnode_options() {
  "$1" "$2" --help 2>/dev/null | sed -n 's/^  \(-.*\)/\1/p' |
    grep -Eo -- '--[a-z0-9][a-z0-9-]*' | sort -u
}
_meshnode_words() {
  case "$2" in
    set)
      printf '%s=\n' accept-dns accept-routes advertise-exit-node \
        advertise-routes exit-node exit-node-allow-lan-access hostname \
        snat-subnet-routes ;;
    ping|ip|wait)
      "$1" status 2>/dev/null | sed -n '/^PEER /,$p' | sed 1d | cut -d' ' -f1 ;;
    completions)
      printf '%s\n' bash zsh fish ;;
  esac
}
)sh";

constexpr const char* kBash = R"sh(
_meshnode() {
  local program=${COMP_WORDS[0]} word=${COMP_WORDS[COMP_CWORD]} words
  if ((COMP_CWORD == 1)); then
    words=$(_meshnode_commands "$program")
  elif [[ $word == -* ]]; then
    words=$(_meshnode_options "$program" "${COMP_WORDS[1]}")
  else
    words=$(_meshnode_words "$program" "${COMP_WORDS[1]}")
  fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
  if [[ ${COMPREPLY[0]-} == *= ]]; then
    compopt -o nospace 2>/dev/null
  fi
}
complete -o default -F _meshnode meshnode
)sh";

constexpr const char* kZsh = R"sh(
_meshnode() {
  local program=${words[1]}
  if ((CURRENT == 2)); then
    compadd -- ${(f)"$(_meshnode_commands $program)"}
  elif [[ ${words[CURRENT]} == -* ]]; then
    compadd -- ${(f)"$(_meshnode_options $program ${words[2]})"}
  elif [[ ${words[2]} == set ]]; then
    compadd -S '' -- ${(f)"$(_meshnode_words $program set)"}
  else
    compadd -- ${(f)"$(_meshnode_words $program ${words[2]})"} || _files
  fi
}
compdef _meshnode meshnode
)sh";

constexpr const char* kFish = R"sh(
function __meshnode_commands
  meshnode --help 2>/dev/null | string replace -rf '^  ([a-z]+) +(.*)' '$1\t$2'
end
function __meshnode_options
  set -l words (commandline -opc)
  meshnode $words[2] --help 2>/dev/null | string match -r '^  -.*' |
    string match -ra -- '--[a-z0-9][a-z0-9-]*' | sort -u
end
function __meshnode_peers
  meshnode status 2>/dev/null | string match -rv '^ ' |
    string replace -rf '^(\S+) .*' '$1' | string match -v PEER
end
complete -c meshnode -n __fish_use_subcommand -f -a '(__meshnode_commands)'
complete -c meshnode -n 'not __fish_use_subcommand' -a '(__meshnode_options)'
complete -c meshnode -n '__fish_seen_subcommand_from ping ip wait' -f \
  -a '(__meshnode_peers)'
complete -c meshnode -n '__fish_seen_subcommand_from set' -f \
  -a 'accept-dns= accept-routes= advertise-exit-node= advertise-routes= exit-node= exit-node-allow-lan-access= hostname= snat-subnet-routes='
complete -c meshnode -n '__fish_seen_subcommand_from completions' -f \
  -a 'bash zsh fish'
)sh";

}  // namespace

int RunCompletions(int argc, char** argv) {
  CLI::App app("Prints completions for a shell.", "meshnode completions");
  std::string shell;
  app.add_option("SHELL", shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  if (const auto code = ParseArguments(app, argc, argv)) {
    return *code;
  }
  if (shell == "fish") {
    std::cout << kFish;
  } else {
    std::cout << kQuestions << (shell == "bash" ? kBash : kZsh);
  }
  return kExitOk;
}

}  // namespace natkit::meshnode
