#!/usr/bin/env bash
# setup.sh build|develop: checks what the build needs, and for `develop` what lints and tests need too.
# Quiet when all is there. As root on a Debian-like system it installs missing packages; elsewhere it
# names them, with the command, and ends with 2.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

purpose=${1:-build}
rust_wanted=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)

# fail WHAT AT TRY
fail() {
  printf 'error: %s\nat: %s\ntry: %s\n' "$1" "$2" "$3" >&2
  exit 2
}

# True when version $1 is at least version $2.
at_least() {
  [[ $(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1) == "$2" ]]
}

# Tests run against a real etcd.
etcd_works() {
  command -v etcd >/dev/null
}

# libsecp256k1, blst, zstd and the Keccak assembly are compiled from C.
c_compiler_works() {
  # No pipe: a compiler that does not read its input would make the writer fail, not the compiler.
  cc -x c - -o /dev/null 2>/dev/null <<'PROGRAM'
#include <stdlib.h>
int main(void) { return EXIT_SUCCESS; }
PROGRAM
}

install_packages() {
  local packages=("$@")
  if ! command -v apt-get >/dev/null; then
    fail "missing: ${packages[*]} (Debian's names)" "scripts/setup.sh" \
      "install them with your system's package manager, then run make again"
  fi
  if [[ $(id -u) != 0 ]]; then
    fail "missing: ${packages[*]}" "scripts/setup.sh" \
      "sudo apt-get install --yes --no-install-recommends ${packages[*]}"
  fi
  echo "setup: installing ${packages[*]}" >&2
  export DEBIAN_FRONTEND=noninteractive
  apt-get update --quiet=2 >&2
  apt-get install --quiet=2 --yes --no-install-recommends "${packages[@]}" >&2
}

# etcd's interface is compiled from its .proto files, which import some of protoc's own.
protoc_works() {
  command -v protoc >/dev/null && protoc --descriptor_set_out=/dev/null google/protobuf/descriptor.proto 2>/dev/null
}

# The programs that tests of the manifests run: kubectl of any version, and kubernetes-validate, which
# no Debian package has: it lives in a virtual environment of its own below the target folder.
validator=${CARGO_TARGET_DIR:-target}/tools/kubernetes-validate
validator_version=1.37.0

validator_works() {
  [[ -x $validator/bin/kubernetes-validate ]] || command -v kubernetes-validate >/dev/null
}

install_validator() {
  echo "setup: installing kubernetes-validate $validator_version into $validator" >&2
  if ! python3 -m venv "$validator" >&2 ||
    ! "$validator/bin/pip" --quiet install "kubernetes-validate==$validator_version" >&2; then
    fail "kubernetes-validate cannot be installed" "$validator" \
      "pip install kubernetes-validate==$validator_version, so that it is on the PATH"
  fi
}

check_rust() {
  local have
  if ! command -v cargo >/dev/null || ! command -v rustc >/dev/null; then
    fail "cargo and rustc are not installed" "scripts/setup.sh" \
      "install Rust $rust_wanted or later from https://rustup.rs, then run make again"
  fi
  have=$(rustc --version | cut -d ' ' -f 2)
  if ! at_least "${have%%-*}" "$rust_wanted"; then
    fail "rustc is $have, evmesh needs $rust_wanted or later" "$(command -v rustc)" "rustup update stable"
  fi
}

check_rust_component() {
  if ! cargo "$1" --version >/dev/null 2>&1; then
    fail "cargo $1 is not installed" "scripts/setup.sh" "rustup component add $2"
  fi
}

packages=()
c_compiler_works || packages+=(gcc libc6-dev)
protoc_works || packages+=(protobuf-compiler libprotobuf-dev)
if [[ $purpose == develop ]]; then
  etcd_works || packages+=(etcd-server)
  command -v kubectl >/dev/null || packages+=(kubernetes-client)
  validator_works || python3 -c 'import ensurepip, venv' 2>/dev/null || packages+=(python3-venv)
fi
if ((${#packages[@]})); then
  install_packages "${packages[@]}"
  c_compiler_works || fail "cc does not compile a C program" "scripts/setup.sh" "check the C compiler that cc names"
fi

check_rust
if [[ $purpose == develop ]]; then
  check_rust_component fmt rustfmt
  check_rust_component clippy clippy
  validator_works || install_validator
fi
