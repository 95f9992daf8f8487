#!/usr/bin/env bash
# hosts.sh PROGRAMS: a cluster of hosts with addresses of their own (network namespaces on one bridge):
# etcd, a coordinator, two state shards, workers. Blocks run on it; meanwhile a worker is killed, two
# join, and one host's cable is pulled. Ends with 0 if every block is equal and each event happened.
# PROGRAMS is the folder that holds the four programs. Needs root, ip (iproute2), etcd and jq.
set -euo pipefail

programs=$(cd "$1" && pwd)
net=10.77.0
tag=evm$$
work=$(mktemp -d)
declare -A pid_of

fail() {
  printf 'error: %s\nat: %s\ntry: %s\n' "$1" "$2" "$3" >&2
  exit "${4:-2}"
}

for need in ip:iproute2 etcd:etcd-server jq:jq; do
  command -v "${need%%:*}" >/dev/null ||
    fail "${need%%:*} is not installed" "scripts/hosts.sh" "apt-get install ${need##*:}"
done
[[ $(id -u) == 0 ]] || fail "network namespaces need root" "scripts/hosts.sh" "sudo make hosts"

tidy() {
  local name
  for name in "${!pid_of[@]}"; do kill -KILL "${pid_of[$name]}" 2>/dev/null || true; done
  wait 2>/dev/null || true
  for name in $(ip netns list | awk '{ print $1 }' | grep "^$tag-" || true); do ip netns del "$name"; done
  if [[ ${keep:-} ]]; then echo "logs: $work" >&2; else rm -rf "$work"; fi
}
trap tidy EXIT

# host NAME LAST: a host on the bridge with address $net.LAST.
host() {
  local ns=$tag-$1
  ip netns add "$ns"
  ip -n "$ns" link set lo up
  ip link add "v$2" netns "$tag-switch" type veth peer name eth0 netns "$ns"
  ip -n "$tag-switch" link set "v$2" master bridge up
  ip -n "$ns" addr add "$net.$2/24" dev eth0
  ip -n "$ns" link set eth0 up
}

# start NAME LAST COMMAND…: runs a program on its host, in the background.
start() {
  local name=$1 last=$2
  shift 2
  [[ -e /run/netns/$tag-$name ]] || host "$name" "$last"
  ip netns exec "$tag-$name" "$@" >"$work/$name.out" 2>"$work/$name.log" &
  pid_of[$name]=$!
}

# until_true WHAT SECONDS COMMAND…: waits until a command succeeds.
until_true() {
  local what=$1 left=$(($2 * 10))
  shift 2
  until "$@" >/dev/null 2>&1; do
    if ((--left < 0)); then
      keep=1
      tail -n 5 "$work"/*.log >&2
      fail "$what did not happen in time" "scripts/hosts.sh" "read the logs in $work" 4
    fi
    sleep 0.1
  done
}

coordinator=http://$net.3:7410
on_client() { ip netns exec "$tag-client" "$@"; }
status() { on_client "$programs/evmesh" status --json --coordinator "$coordinator"; }
n_ready() { (($(status | jq '[.workers[] | select(.state == "ready")] | length') == $1)); }
etcd_answers() { on_client env ETCDCTL_API=3 etcdctl --endpoints "http://$net.2:2379" endpoint health; }

worker() {
  start "worker$1" "$((10 + $1))" "$programs/evmesh-worker" --listen "$net.$((10 + $1)):7411" \
    --http "$net.$((10 + $1)):7421" --etcd "http://$net.2:2379" --name "worker$1" --threads 1
}

# blocks FILE: prints `equal of blocks` of a run's JSON Lines.
blocks() { jq -rs 'map(select(.kind == "summary"))[0] | "\(.equal) of \(.blocks)"' "$1"; }
all_equal() { jq -es 'map(select(.kind == "summary"))[0] | .equal == .blocks and .blocks > 0' "$1" >/dev/null; }

ip netns add "$tag-switch"
ip -n "$tag-switch" link add bridge type bridge
ip -n "$tag-switch" link set bridge up
host client 9

start etcd 2 etcd --data-dir "$work/etcd" --listen-client-urls "http://$net.2:2379" \
  --advertise-client-urls "http://$net.2:2379" --listen-peer-urls "http://$net.2:2380"
until_true "etcd's start" 10 etcd_answers
for index in 0 1; do
  start "state$index" "$((4 + index))" "$programs/evmesh-state" --listen "$net.$((4 + index)):7412" \
    --http "$net.$((4 + index)):7422" --etcd "http://$net.2:2379" --name "state$index"
done
start coordinator 3 "$programs/evmesh-coordinator" --listen "$net.3:7410" --http "$net.3:7420" \
  --etcd "http://$net.2:2379" --state-shards 2 --name coordinator
worker 1
worker 2
until_true "a cluster of two workers" 20 n_ready 2
echo "cluster: coordinator $net.3, state shards $net.4 and $net.5, workers $net.11 and $net.12, etcd $net.2"

# Long enough that everything below happens inside it. A cluster holds one chain: the second run is
# of the same blocks.
input='workload:compute?txs=40&gas=2000000&accounts=5000&blocks=16&seed=2'
on_client "$programs/evmesh" run --coordinator "$coordinator" --json "$input" >"$work/storm.json" 2>"$work/storm.log" &
storm=$!
n_done() { (($(grep -c '"kind":"block"' "$work/storm.json") >= $1)); }
until_true "the third block" 120 n_done 3
kill -KILL "${pid_of[worker1]}"
worker 3
worker 4
until_true "three workers after one was killed and two joined" 10 n_ready 3
echo "storm: worker 1 killed, workers 3 and 4 joined"
until_true "two more blocks" 120 n_done "$(($(grep -c '"kind":"block"' "$work/storm.json") + 2))"
ip -n "$tag-worker2" link set eth0 down
until_true "the loss of worker 2" 20 n_ready 2
echo "storm: the cable of worker 2 pulled"
wait "$storm" || fail "the storm's run ended with $?" "$coordinator" "read $work/storm.json" 1
all_equal "$work/storm.json" || fail "blocks differ" "the storm" "read $work/storm.json" 1
lost=$(jq -s 'map(select(.kind == "block").attempts_lost) | add' "$work/storm.json")
echo "storm: $(blocks "$work/storm.json") blocks equal, $lost attempts lost with their workers"

on_client "$programs/evmesh" run --coordinator "$coordinator" --json "$input" \
  >"$work/calm.json" 2>"$work/calm.log" || fail "the calm run ended with $?" "$coordinator" "read $work/calm.log" 1
all_equal "$work/calm.json" || fail "blocks differ" "the calm run" "read $work/calm.json" 1
echo "calm: $(blocks "$work/calm.json") blocks equal on the workers that are left"
