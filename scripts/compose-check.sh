#!/usr/bin/env bash
# compose-check.sh: runs compose.yaml for real. Two workers, then four, blocks compared with serial revm;
# then one worker is killed and two are added while blocks run, and the blocks still have to be equal.
# Ends with what the run of blocks ended with, and stops what it started. COMPOSE names the command.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

compose=${COMPOSE:-docker compose}
small=('workload:transfers?txs=1000&blocks=2&seed=1' 'workload:erc20?txs=1000&blocks=2&seed=1')
n_blocks=${BLOCKS:-16}
long="workload:erc20?txs=2000&blocks=$n_blocks&seed=2"
log=$(mktemp)

# `docker compose` is two words on purpose.
# shellcheck disable=SC2086
on_compose() {
  $compose "$@"
}

step() {
  printf '\n== %s\n' "$*"
}

# Called by the trap.
# shellcheck disable=SC2317
clean_up() {
  step "down"
  on_compose --profile client down --volumes --timeout 30
  rm -f "$log"
}

n_blocks_done() {
  grep -c '"kind":"block"' "$log" || true
}

# Waits until the long run has finished a block, or has ended.
wait_for_first_block() {
  local tries
  for ((tries = 0; tries < 1200; tries++)); do
    if (($(n_blocks_done) > 0)) || ! kill -0 "$client" 2>/dev/null; then
      return
    fi
    sleep 0.1
  done
}

trap clean_up EXIT
step "up with 2 workers"
on_compose up --build --detach --scale worker=2
step "blocks on 2 workers"
on_compose run --rm -T client "${small[@]}"
step "4 workers"
on_compose up --detach --no-recreate --scale worker=4
on_compose ps
step "blocks on 4 workers"
on_compose run --rm -T client "${small[@]}"

step "$n_blocks blocks; meanwhile one worker is killed and two are added"
on_compose run --rm -T client --json "$long" >"$log" &
client=$!
wait_for_first_block
before=$(n_blocks_done)
victim=$(on_compose ps -q worker | head -n 1)
docker kill "$victim" >/dev/null
echo "killed worker ${victim:0:12} after $before blocks"
on_compose up --detach --no-recreate --scale worker=6
status=0
wait "$client" || status=$?
grep '"kind":"summary"' "$log" || tail -n 5 "$log"
if ((before == 0 || before >= n_blocks)); then
  echo "error: the worker was killed after $before of $n_blocks blocks, not in their midst" >&2
  status=1
fi
step "members"
on_compose run --rm -T --entrypoint evmesh client status --coordinator http://coordinator:7410
step "the run ended with $status"
exit "$status"
