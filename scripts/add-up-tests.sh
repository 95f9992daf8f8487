#!/usr/bin/env bash
# add-up-tests.sh LOG…: adds up the results of `cargo test` as `N passed, N failed, N skipped`.
set -euo pipefail

awk '
  /^test result: / {
    for (i = 2; i <= NF; i++) {
      if ($i == "passed;") passed += $(i - 1)
      if ($i == "failed;") failed += $(i - 1)
      if ($i == "ignored;") ignored += $(i - 1)
    }
  }
  { skipped += gsub(/skipped: [^()]+ \(EVMESH_DATA is not set\)/, "") }
  END { printf "%d passed, %d failed, %d skipped\n", passed - skipped, failed, skipped + ignored }
' "$@"
