# shellcheck shell=bash
# Runs programs that need to make network namespaces. Needs common.sh.

unshare_as_anyone() {
  if ((EUID == 0)); then
    unshare --net --mount "$@"
  else
    unshare --user --map-root-user --net --mount "$@"
  fi
}

# Root may be able to bring the TUN device by itself; fails quietly otherwise.
provide_tun() {
  if ((EUID == 0)) && [[ ! -e /dev/net/tun ]]; then
    modprobe tun || true
    [[ -e /dev/net/tun ]] || { mkdir -p /dev/net && mknod -m 0666 /dev/net/tun c 10 200; } || true
  fi 2>/dev/null
}

# Prints one line per reason why simulated networks cannot run here.
namespace_problems() {
  local error
  if ! error=$(unshare_as_anyone true 2>&1); then
    if ((EUID == 0)); then
      printf '%s\n' "network namespaces cannot be made ($error): a container needs CAP_SYS_ADMIN and CAP_NET_ADMIN"
    else
      printf '%s\n' "user namespaces are not allowed ($error): run as root, or see sysctl kernel.unprivileged_userns_clone, user.max_user_namespaces and kernel.apparmor_restrict_unprivileged_userns"
    fi
  fi
  provide_tun
  if [[ ! -e /dev/net/tun ]]; then
    printf '%s\n' "/dev/net/tun does not exist: as root run 'modprobe tun', or give the container the device (--device /dev/net/tun)"
  elif ! error=$( (: <>/dev/net/tun) 2>&1); then
    printf '%s\n' "/dev/net/tun cannot be opened (${error##*: }): run as root, or as root run 'modprobe tun' and 'chmod 0666 /dev/net/tun'"
  fi
}

# run_with_namespaces COMMAND...: as root, just the command. Otherwise the
# command as root of a user namespace of its own, with a loopback that is up
# and a /run that 'ip netns' can write.
run_with_namespaces() {
  if ((EUID == 0)); then
    "$@"
    return
  fi
  # shellcheck disable=SC2016  # expands in the inner shell
  unshare_as_anyone -- bash -c '
    mount -t tmpfs tmpfs /run && mkdir -p /run/netns && ip link set lo up && exec "$@"' natkit "$@"
}
