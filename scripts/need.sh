#!/usr/bin/env bash
# need.sh PROGRAM COMMAND: ends with 2 and says how to install PROGRAM when it is not there.
set -euo pipefail

if ! command -v "$1" >/dev/null; then
  printf 'error: %s is not installed\nat: this target needs it\ntry: %s\n' "$1" "$2" >&2
  exit 2
fi
