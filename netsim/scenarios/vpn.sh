#!/bin/sh
# The VPN under test in vpn.toml: wireguard-go between "server" and "laptop".
# usage: vpn.sh keys | server | laptop | clean
set -eu
umask 077
state="${TMPDIR:-/tmp}/netsim-vpn-$NATKIT_NETSIM_ID"

run_tunnel() { # own key, peer key, own address, peer's address, wg options
  wireguard-go -f "wg$1" &
  tunnel=$!
  trap 'kill $tunnel' EXIT
  until wg show "wg$1" >/dev/null 2>&1; do
    kill -0 "$tunnel"
    sleep 0.1
  done
  key=$1 peer=$2 address=$3 allowed=$4
  shift 4
  wg set "wg$key" private-key "$state/$key" listen-port 51820 \
    peer "$(cat "$state/$peer.pub")" allowed-ips "$allowed/32" "$@"
  ip address add "$address/24" dev "wg$key"
  ip link set "wg$key" up
  wait "$tunnel"
}

case "$1" in
keys)
  mkdir "$state"
  for side in server laptop; do
    wg genkey >"$state/$side"
    wg pubkey <"$state/$side" >"$state/$side.pub"
  done
  ;;
server) run_tunnel server laptop 10.9.0.1 10.9.0.2 ;;
laptop)
  run_tunnel laptop server 10.9.0.2 10.9.0.1 \
    endpoint 203.0.113.10:51820 persistent-keepalive 5
  ;;
clean) rm -r "$state" ;;
esac
