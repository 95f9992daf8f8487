#!/usr/bin/env bash
# compose-check.sh: runs compose.yaml for real. The same blocks on two workers, on four, and a third time
# while one worker is killed and two are added; each time they are compared with serial revm. Then all
# processes are told to stop, and each has to drain and end with 0. Ends with 0, or with what the first
# failing run of blocks ended with, or with 1; stops what it started. COMPOSE names the command, BLOCKS
# the number of blocks.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

compose=${COMPOSE:-docker compose}
n_blocks=${BLOCKS:-16}
# One workload for all runs: a cluster holds one chain.
workload="workload:erc20?txs=2000&blocks=$n_blocks&seed=1"
log=$(mktemp)

# `docker compose` is two words on purpose.
# shellcheck disable=SC2086
on_compose() {
  $compose "$@"
}

step() {
  printf '\n== %s\n' "$*"
}

# fail WHAT AT TRY
fail() {
  printf 'error: %s\nat: %s\ntry: %s\n' "$1" "$2" "$3" >&2
  exit 1
}

# Called by the trap.
# shellcheck disable=SC2317
clean_up() {
  step "down"
  on_compose --profile client down --volumes --timeout 30
  rm -f "$log"
}

run_blocks() {
  on_compose run --rm -T client "$@" "$workload"
}

show_status() {
  on_compose run --rm -T --entrypoint evmesh client status --coordinator http://coordinator:7410
}

n_blocks_done() {
  grep -c '"kind":"block"' "$log" || true
}

# Waits until the run has finished a block, or has ended.
wait_for_first_block() {
  local tries
  for ((tries = 0; tries < 1200; tries++)); do
    if (($(n_blocks_done) > 0)) || ! kill -0 "$client" 2>/dev/null; then
      return
    fi
    sleep 0.1
  done
}

# Kills one of four workers and adds two among the blocks of the run $client. The dead one's container is
# removed, because compose would start it again instead of a new one.
replace_worker() {
  local victim killed_after added_after
  # No `head`: compose would end with a broken pipe.
  victim=$(on_compose ps -q worker)
  victim=${victim%%$'\n'*}
  wait_for_first_block
  killed_after=$(n_blocks_done)
  docker kill "$victim" >/dev/null
  docker rm "$victim" >/dev/null
  echo "killed worker ${victim:0:12} after $killed_after of $n_blocks blocks"
  on_compose up --detach --no-recreate --scale worker=5
  added_after=$(n_blocks_done)
  echo "added 2 workers after $added_after of $n_blocks blocks"
  if ((killed_after == 0 || added_after >= n_blocks)); then
    fail "a worker was killed after $killed_after blocks and two were added after $added_after, not in their midst" \
      "scripts/compose-check.sh" "BLOCKS=$((n_blocks * 4)) make compose-check"
  fi
}

# What each block of the run took, and the sum of them.
show_log() {
  sed -n 's/.*"kind":"block".*"number":\([0-9]*\).*"status":"\([a-z_]*\)".*"workers_used":\([0-9]*\).*"attempts_lost":\([0-9]*\).*/block \1 \2: workers \3, attempts lost \4/p' "$log"
  grep '"kind":"summary"' "$log" || tail -n 5 "$log"
}

# Every process of evmesh has to end with 0 after SIGTERM.
stop_all() {
  local name container code bad=0
  on_compose stop --timeout 30
  for name in coordinator worker state-0 state-1; do
    for container in $(on_compose ps --all --quiet "$name"); do
      code=$(docker inspect --format '{{.State.ExitCode}}' "$container")
      echo "$name ${container:0:12} ended with $code"
      ((code == 0)) || bad=1
    done
  done
  ((bad == 0)) || fail "a process did not end with 0 after SIGTERM" "docker compose stop" "docker compose logs"
}

trap clean_up EXIT
step "up with 2 workers"
on_compose up --build --detach --scale worker=2
step "blocks on 2 workers"
run_blocks
step "4 workers"
on_compose up --detach --no-recreate --scale worker=4
step "blocks on 4 workers"
run_blocks
show_status

step "the blocks again; meanwhile one worker is killed and two are added"
run_blocks --json >"$log" &
client=$!
replace_worker
status=0
wait "$client" || status=$?
show_log
show_status
((status == 0)) || exit "$status"

step "stop: all drain"
stop_all
step "all equal, all drained"
