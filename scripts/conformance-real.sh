#!/usr/bin/env bash
# conformance-real.sh EVMESH: runs the real mainnet blocks with 1, 2 and 5 workers, with slices of the
# default size and of one transaction, and compares each block with its header and with serial revm.
set -euo pipefail

evmesh=$1
if [[ -z ${EVMESH_DATA:-} ]]; then
  printf 'error: %s\nat: %s\ntry: %s\n' "EVMESH_DATA is not set" "make conformance-real" \
    "EVMESH_DATA=<folder that holds mainnet_prestate> make conformance-real" >&2
  exit 2
fi

worst=0
for workers in 1 2 5; do
  for slices in "" "--slice-gas 1"; do
    echo "== $workers workers ${slices:-default slices}"
    status=0
    # The options are separate words on purpose.
    # shellcheck disable=SC2086
    "$evmesh" run "$EVMESH_DATA/mainnet_prestate/blocks.tar.zst" --workers "$workers" $slices || status=$?
    # Of several, the lower exit code is the graver one.
    if ((status != 0 && (worst == 0 || status < worst))); then
      worst=$status
    fi
  done
done
exit "$worst"
