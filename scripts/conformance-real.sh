#!/usr/bin/env bash
# conformance-real.sh EVMESH [OUT]: runs the real mainnet blocks in every cluster shape, in one process
# and over gRPC with a process for each part, and compares each block with its header and with serial
# revm. Not only the exit code counts: every shape has to run all blocks, equal, cut and spread over the
# workers as asked for. What was run is kept in OUT as JSON Lines, a file a shape.
set -euo pipefail

evmesh=$1
out=${2:-${CARGO_TARGET_DIR:-target}/conformance-real}
n_blocks=34
# Blocks of so many transactions have to be spread over all workers.
spread_min=50

if [[ -z ${EVMESH_DATA:-} ]]; then
  printf 'error: %s\nat: %s\ntry: %s\n' "EVMESH_DATA is not set" "make conformance-real" \
    "EVMESH_DATA=<folder that holds mainnet_prestate> make conformance-real" >&2
  exit 2
fi
mkdir -p "$out"

# check FILE WORKERS SHARDS TRANSPORT SLICES: says what is not as it should be; empty if all is.
check() {
  awk -v workers="$2" -v shards="$3" -v transport="$4" -v slices="$5" -v n_blocks="$n_blocks" \
    -v spread_min="$spread_min" '
    function number(key,   text) {
      if (!match($0, "\"" key "\":[0-9]+")) return -1
      text = substr($0, RSTART, RLENGTH)
      return substr(text, length(key) + 4) + 0
    }
    function has(key, value) { return index($0, "\"" key "\":\"" value "\"") > 0 }
    function wrong(what) { print "  " what }
    /^{"kind":"run"/ {
      n_runs++
      if (number("workers") != workers) wrong("workers: " number("workers"))
      if (number("state_shards") != shards) wrong("state_shards: " number("state_shards"))
      if (!has("transport", transport)) wrong("it did not run over " transport)
    }
    /^{"kind":"block"/ {
      block = "block " number("number") ": "
      n = number("transactions"); cut = number("slices"); used = number("workers_used")
      if (!has("status", "equal")) wrong(block "not equal"); else n_equal++
      if (index($0, "\"compared\":true") == 0) wrong(block "not compared with serial revm")
      if (slices == 1 && n > 0 && cut != n) wrong(block cut " slices of " n " transactions")
      if (n >= spread_min) {
        wanted = workers < cut ? workers : cut
        if (cut < workers) wrong(block "only " cut " slices")
        if (used != wanted) wrong(block used " workers used of " wanted)
      }
      if (number("total") > number("bound")) wrong(block number("total") " messages, bound " number("bound"))
    }
    /^{"kind":"summary"/ {
      n_summaries++
      if (number("blocks") != n_blocks || number("equal") != n_blocks)
        wrong(number("equal") " of " number("blocks") " blocks equal, not " n_blocks)
    }
    END {
      if (n_runs != 1 || n_summaries != 1) wrong("the run has no beginning or no end")
      if (n_equal != n_blocks) wrong(n_equal + 0 " lines of equal blocks, not " n_blocks)
    }
  ' "$1"
}

worst=0
n_shapes=0

# shape TRANSPORT WORKERS SHARDS SLICE_GAS: runs one shape; no slice gas is slices as they come.
shape() {
  local transport=$1 workers=$2 shards=$3 slices=$4 status=0 file said
  local options=(--transport "$transport" --workers "$workers" --state-shards "$shards")
  [[ -z $slices ]] || options+=(--slice-gas "$slices")
  file=$out/$transport-$workers-$shards-${slices:-default}.jsonl
  "$evmesh" run "$EVMESH_DATA/mainnet_prestate/blocks.tar.zst" --json "${options[@]}" >"$file" || status=$?
  said=$(check "$file" "$workers" "$shards" "$transport" "$slices")
  # A run that says all is well and is not as it should be is a difference.
  if ((status == 0)) && [[ -n $said ]]; then
    status=1
  fi
  n_shapes=$((n_shapes + 1))
  printf '%-10s  %s workers  %2s shards  %-22s  %s\n' "$transport" "$workers" "$shards" \
    "${slices:+one transaction a slice}" "$( ((status)) && echo "exit code $status" || echo "$n_blocks of $n_blocks equal")"
  [[ -z $said ]] || printf '%s\n' "$said"
  # Of several, the lower exit code is the graver one.
  if ((status != 0 && (worst == 0 || status < worst))); then
    worst=$status
  fi
}

for workers in 1 2 5; do
  for slices in "" 1; do
    shape in-process "$workers" 1 "$slices"
    for shards in 1 4 16; do
      shape grpc "$workers" "$shards" "$slices"
    done
  done
done
shape in-process 5 4 ""
shape in-process 2 16 1

echo "$n_shapes shapes, $( ((worst)) && echo "the gravest exit code is $worst" || echo "all equal"); $out"
exit "$worst"
