# shellcheck shell=bash
# Which Debian packages natkit needs, and how they come. Needs common.sh.

# group  package  how to find it where dpkg is not in charge:
#   cmd: a program, pc: a pkg-config module, inc: a header, '-': covered by another line
#   any: a program that need not come from its package, whoever is in charge
natkit_packages() {
  cat <<'END'
build  ca-certificates        -
build  git                    cmd:git
build  cmake                  cmd:cmake
build  ninja-build            cmd:ninja
build  g++                    cmd:g++
build  pkg-config             cmd:pkg-config
build  ccache                 cmd:ccache
build  python3                cmd:python3
build  libb2-dev              pc:libb2
build  libuv1-dev             pc:libuv
build  libsodium-dev          pc:libsodium
build  libminiupnpc-dev       pc:miniupnpc
build  libsqlite3-dev         pc:sqlite3
build  protobuf-compiler      cmd:protoc
build  libprotobuf-dev        pc:protobuf
build  libcli11-dev           inc:CLI/CLI.hpp
build  libtomlplusplus-dev    inc:toml++/toml.h
build  nlohmann-json3-dev     inc:nlohmann/json.hpp
build  libspdlog-dev          inc:spdlog/spdlog.h
build  prometheus-cpp-dev     pc:prometheus-cpp-core
build  libgtest-dev           inc:gtest/gtest.h
build  libgmock-dev           inc:gmock/gmock.h
build  libbenchmark-dev       inc:benchmark/benchmark.h
build  dpkg-dev               cmd:dpkg-source
build  xz-utils               cmd:xz
build  patch                  cmd:patch
build  util-linux             cmd:unshare
test   clang-19               cmd:clang++-19
test   llvm-19                cmd:llvm-symbolizer-19
test   libclang-rt-19-dev     -
test   coturn                 cmd:turnutils_natdiscovery
test   stun-client            cmd:stun
test   stun-server            cmd:stund
test   libnice-dev            pc:nice
test   miniupnpc              cmd:upnpc
test   natpmpc                cmd:natpmpc
test   miniupnpd-nftables     cmd:miniupnpd
test   python3-jsonschema     -
test   mypy                   cmd:mypy
test   nodejs                 any:node
test   npm                    any:npm
test   dbus                   cmd:dbus-daemon
test   mandoc                 cmd:mandoc
test   groff-base             cmd:groff
test   abigail-tools          cmd:abidiff
test   libssl-dev             pc:libssl
test   libglib2.0-dev         pc:glib-2.0
test   golang-go              cmd:go
test   rustc                  cmd:rustc
test   cargo                  cmd:cargo
demo   nftables               cmd:nft
demo   iproute2               cmd:ip
demo   iputils-ping           cmd:ping
demo   conntrack              cmd:conntrack
demo   wireguard-go           cmd:wireguard-go
demo   wireguard-tools        cmd:wg
demo   tshark                 cmd:tshark
demo   tcpdump                cmd:tcpdump
demo   iperf3                 cmd:iperf3
demo   socat                  cmd:socat
demo   openssl                cmd:openssl
demo   procps                 cmd:pgrep
demo   kmod                   cmd:modprobe
demo   tzdata                 -
END
}

# ensure_packages GROUP...: installs what is missing, or says what is.
ensure_packages() {
  local missing=()
  if have dpkg-query; then
    mapfile -t missing < <(missing_by_dpkg "$@")
  else
    mapfile -t missing < <(missing_by_probe "$@")
  fi
  ((${#missing[@]})) || return 0
  if ! have apt-get; then
    die "missing: ${missing[*]} (names as in Debian 12; there is no apt-get here, install them by other means)"
  elif ((EUID != 0)); then
    die "missing: ${missing[*]}; as root run: apt-get update && apt-get install --no-install-recommends ${missing[*]}"
  fi
  # One set-up at a time; the second finds what the first installed.
  (
    exec 8>/run/lock/natkit-setup.lock
    flock 8
    install_packages "${missing[@]}"
  )
}

packages_of_groups() {
  local group package probe
  while read -r group package probe; do
    [[ " $* " == *" $group "* ]] && printf '%s %s\n' "$package" "$probe"
  done < <(natkit_packages)
  return 0
}

missing_by_dpkg() {
  local wanted
  wanted=$(packages_of_groups "$@" | without_found_anywhere | sort)
  # dpkg-query fails when it knows nothing of one name; its list is still right.
  # shellcheck disable=SC2086  # one name per word
  comm -23 <(printf '%s\n' "$wanted") <(
    dpkg-query -W -f='${db:Status-Status} ${Package}\n' $wanted 2>/dev/null |
      sed -n 's/^installed //p' | sort -u
  )
}

# The names, less those of programs that are here and may be of any origin.
without_found_anywhere() {
  local package probe
  while read -r package probe; do
    [[ $probe == any:* ]] && probe_finds "$probe" || printf '%s\n' "$package"
  done
}

missing_by_probe() {
  local package probe
  while read -r package probe; do
    probe_finds "$probe" || printf '%s\n' "$package"
  done < <(packages_of_groups "$@")
}

probe_finds() {
  case $1 in
    cmd:* | any:*) have "${1#*:}" ;;
    pc:*) have pkg-config && pkg-config --exists "${1#pc:}" ;;
    inc:*) have g++ && g++ -E -x c++ -include "${1#inc:}" /dev/null >/dev/null 2>&1 ;;
    *) true ;;
  esac
}

install_packages() {
  local log
  log=$(mktemp)
  note "installing: $*"
  export DEBIAN_FRONTEND=noninteractive
  # The tests start servers of their own; nothing shall listen on this machine.
  if [[ -d /run/systemd/system ]]; then
    [[ " $* " != *" coturn "* ]] || systemctl mask --quiet coturn.service
    [[ " $* " != *" stun-server "* ]] || systemctl mask --quiet stun.service
  fi
  # Some repository may be down that none of these packages comes from.
  apt-get -o DPkg::Lock::Timeout=600 -qq update >"$log" 2>&1 ||
    { tail -n 5 -- "$log" >&2; note "apt-get update had errors; trying with what it got"; }
  run_logged "$log" "apt-get install" \
    apt-get -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 -y -qq install --no-install-recommends "$@"
  rm -f -- "$log"
}
