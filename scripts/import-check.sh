#!/usr/bin/env bash
# import-check.sh EVMESH: writes workloads as chains (`evmesh generate`) and imports each with Ethereum's
# execution specification in Python, which shares no code with revm. Ends with 1 if one is refused.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

evmesh=$1
target=${CARGO_TARGET_DIR:-target}
tools=$target/tools/ethereum-execution
version=2.20.0
chains=$(mktemp -d)
trap 'rm -rf "$chains"' EXIT

if [[ ! -x $tools/bin/python ]] || ! "$tools/bin/python" -c 'import ethereum' 2>/dev/null; then
  echo "import-check: installing ethereum-execution $version into $tools" >&2
  if ! python3 -m venv "$tools" >&2 || ! "$tools/bin/pip" --quiet install "ethereum-execution==$version" >&2; then
    printf 'error: %s\nat: %s\ntry: %s\n' "the specification cannot be installed" "$tools" \
      "install python3-venv, then run make import-check again" >&2
    exit 2
  fi
fi

# No overflow-* and, from Paris on, no credits-to-empty: their states cannot be on a real chain (balances
# near 2^256; empty accounts after EIP-7523), and other clients need not take them.
workloads=()
for name in transfers erc20 swaps chain hybrid mint; do
  workloads+=("workload:$name?txs=30&blocks=3&accounts=50")
done
for fork in frontier homestead spurious byzantium petersburg istanbul berlin london paris shanghai cancun prague osaka; do
  for case in deploy-and-call appear-and-vanish creator-nonces destroy-to-beneficiary credit-then-code; do
    workloads+=("workload:edges?txs=20&blocks=2&accounts=50&fork=$fork&case=$case")
  done
done

failed=0
for place in "${!workloads[@]}"; do
  "$evmesh" generate "${workloads[$place]}" --out "$chains/$place" >/dev/null
  if ! "$tools/bin/python" scripts/import_chain.py "$chains/$place"; then
    echo "import-check: refused: ${workloads[$place]}" >&2
    failed=$((failed + 1))
  fi
done
echo "$((${#workloads[@]} - failed)) of ${#workloads[@]} chains import"
((failed == 0))
