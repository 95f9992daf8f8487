#!/usr/bin/env bash
# edges.sh EVMESH [SEEDS] [FIRST]: runs the edge cases of every fork in every cluster shape, for as many
# seeds, and compares each block with its header and with serial revm. Goes on after a difference and
# says of each which workload and which shape it was; both are needed to see it again.
set -euo pipefail

evmesh=$1
seeds=${2:-64}
first=${3:-0}
sizes='txs=80&blocks=3&accounts=24'
blocks_each=3
forks=(frontier homestead tangerine spurious byzantium petersburg istanbul berlin london paris
  shanghai cancun prague osaka)
shapes=(
  '--plan whole --workers 1'
  '--plan split --workers 4 --state-shards 4'
  '--slice-gas 1 --workers 1'
  '--slice-gas 1 --workers 3 --threads 2 --state-shards 4'
  '--slice-gas 1 --workers 5 --state-shards 16'
)

n_blocks=0
n_wrong=0
for fork in "${forks[@]}"; do
  inputs=()
  for ((seed = first; seed < first + seeds; seed++)); do
    inputs+=("workload:edges?$sizes&fork=$fork&seed=$seed")
  done
  for shape in "${shapes[@]}"; do
    # shellcheck disable=SC2086 # a shape is several words
    lines=$("$evmesh" run "${inputs[@]}" $shape --json) || true
    n_equal=$(grep -c '"kind":"block".*"status":"equal"' <<<"$lines" || true)
    wanted=$((seeds * blocks_each))
    n_blocks=$((n_blocks + wanted))
    if ((n_equal != wanted)); then
      n_wrong=$((n_wrong + wanted - n_equal))
      printf '%s with %s: %d of %d blocks equal\n' "$fork" "$shape" "$n_equal" "$wanted"
      grep -v '"status":"equal"' <<<"$lines" | grep '"kind":"\(block\|error\)"' || true
    fi
  done
done

printf '%d blocks, %d not equal\n' "$n_blocks" "$n_wrong"
((n_wrong == 0))
