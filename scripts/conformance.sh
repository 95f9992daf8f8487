#!/usr/bin/env bash
# conformance.sh: builds the runner of the official tests and runs it on the archive of EVMESH_DATA, as
# CASES, SEED, FILTER, SHAPE, TRANSPORT and STRICT say.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [[ -z ${EVMESH_DATA:-} ]]; then
  printf 'error: %s\nat: %s\ntry: %s\n' "EVMESH_DATA is not set" "make conformance" \
    "EVMESH_DATA=<folder that holds blockchain_tests.tar.zst> make conformance" >&2
  exit 2
fi
target=${CARGO_TARGET_DIR:-target}
cargo build --release --locked -p tests --bin conformance -p evmesh -p coordinator -p worker -p state-service

options=(--out "$target/conformance/report.json")
[[ -z ${CASES:-} ]] || options+=(--cases "$CASES")
[[ -z ${SEED:-} ]] || options+=(--seed "$SEED")
[[ -z ${FILTER:-} ]] || options+=(--filter "$FILTER")
[[ -z ${SHAPE:-} ]] || options+=(--shape "$SHAPE")
[[ -z ${TRANSPORT:-} ]] || options+=(--transport "$TRANSPORT")
[[ -z ${REBUILD:-} ]] || options+=(--rebuild)
[[ -z ${STRICT:-} ]] || options+=(--strict)
exec "$target/release/conformance" "$EVMESH_DATA/blockchain_tests.tar.zst" "${options[@]}"
