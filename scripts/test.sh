#!/usr/bin/env bash
# Runs every test of the workspace; the last line is `N passed, N failed, N skipped`.
# A test that cannot run prints `skipped: <test> (EVMESH_DATA is not set)` to standard error, past the
# capture of the test harness. The harness counts it as passed, add-up-tests.sh as skipped.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

logs=${CARGO_TARGET_DIR:-target}/test
mkdir -p "$logs"

# The streams are kept apart, so that a skipped line is never written into the middle of another one.
status=0
{
  cargo test --workspace --locked --no-fail-fast 2>&1 >&3 3>&- | tee "$logs/stderr.log" >&2 3>&-
} 3>&1 | tee "$logs/stdout.log" || status=$?

# A test program that is killed leaves no result to add up.
if ((status)); then
  printf 'error: cargo test ended with %s\n' "$status"
fi
scripts/add-up-tests.sh "$logs/stdout.log" "$logs/stderr.log"
exit "$status"
