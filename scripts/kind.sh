#!/usr/bin/env bash
# kind.sh up|run [INPUT…]|job [INPUT…]|scale N|down: evmesh on a cluster of kind, on this machine.
# `up` creates the cluster, builds and loads the image, applies k8s/overlays/kind, waits until all is
# ready, runs blocks and says where Jaeger is; what is there already is kept. `job` prints what `run`
# applies. No cluster but kind's is touched: each call of kubectl names the context, and a present
# context that is not one of kind is refused, because kind would change it.
# KIND_CLUSTER names the cluster; RUST_IMAGE, RUN_IMAGE and KIND_NODE_IMAGE replace base images.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cluster=${KIND_CLUSTER:-evmesh}
context="kind-$cluster"
image=evmesh:kind
overlay=k8s/overlays/kind
ready_timeout=300s
jaeger=http://127.0.0.1:16686

# fail WHAT AT TRY
fail() {
  printf 'error: %s\nat: %s\ntry: %s\n' "$1" "$2" "$3" >&2
  exit 2
}

step() {
  printf '\n== %s\n' "$*"
}

on_kind() {
  kubectl --context "$context" --namespace evmesh "$@"
}

check_arguments() {
  local input
  case $verb in
    up | run | job)
      for input in "$@"; do
        [[ $input =~ ^workload:[A-Za-z0-9_?\&=.,-]+$ ]] ||
          fail "$input is not a workload" "scripts/kind.sh $verb" \
            "'workload:transfers?txs=1000&blocks=2'; blocks in files: evmesh run --coordinator http://127.0.0.1:7410 FILE"
      done
      ;;
    scale)
      [[ ${1:-} =~ ^[0-9]+$ ]] ||
        fail "how many workers: ${1:-nothing given}" "scripts/kind.sh scale" "make kind-scale WORKERS=8"
      ;;
    down) ;;
    *) fail "what to do: $verb" "scripts/kind.sh" "scripts/kind.sh up, run, job, scale or down" ;;
  esac
}

refuse_other_contexts() {
  local present
  command -v kubectl >/dev/null || return 0
  present=$(kubectl config current-context 2>/dev/null || true)
  if [[ -n $present && $present != kind-* ]]; then
    fail "the present kubectl context is $present, which is not one of kind" "kubectl config current-context" \
      "KUBECONFIG=\$PWD/target/kind.kubeconfig make kind, or kubectl config use-context $context"
  fi
}

check_tools() {
  local missing=() tool
  for tool in docker kind kubectl; do
    command -v "$tool" >/dev/null || missing+=("$tool")
  done
  if ((${#missing[@]})); then
    fail "not installed: ${missing[*]}" "scripts/kind.sh needs docker, kind and kubectl" \
      "see https://kind.sigs.k8s.io, https://docs.docker.com/engine/install and https://kubernetes.io/docs/tasks/tools"
  fi
  docker info >/dev/null 2>&1 ||
    fail "no container engine answers" "docker info" "start the engine, or set DOCKER_HOST to one that runs"
}

need_cluster() {
  kind get clusters 2>/dev/null | grep -Fxq "$cluster" ||
    fail "there is no kind cluster $cluster" "kind get clusters" "make kind"
}

create_cluster() {
  step "cluster $cluster"
  if kind get clusters 2>/dev/null | grep -Fxq "$cluster"; then
    echo "it is there"
    return
  fi
  kind create cluster --name "$cluster" --config "$overlay/cluster.yaml" \
    ${KIND_NODE_IMAGE:+--image "$KIND_NODE_IMAGE"} --wait "$ready_timeout"
}

build_and_load() {
  local arguments=() name
  for name in RUST_IMAGE RUN_IMAGE; do
    if [[ -n ${!name:-} ]]; then
      arguments+=(--build-arg "$name=${!name}")
    fi
  done
  step "image $image"
  docker build --tag "$image" --build-arg "COMMIT=$(git rev-parse HEAD 2>/dev/null || true)" \
    "${arguments[@]}" .
  step "load $image into $cluster"
  kind load docker-image "$image" --name "$cluster"
}

apply() {
  local again=
  step "apply $overlay"
  if on_kind get deployment/coordinator >/dev/null 2>&1; then
    again=1
  fi
  kubectl --context "$context" apply --kustomize "$overlay"
  # The tag stays the same when the image does not, and then only a restart takes it up.
  if [[ -n $again ]]; then
    on_kind rollout restart deployment/coordinator deployment/worker statefulset/state-service
  fi
}

wait_until_ready() {
  local what
  step "wait until all is ready"
  for what in deployment/etcd deployment/jaeger statefulset/state-service deployment/worker \
    deployment/coordinator; do
    if ! on_kind rollout status "$what" --timeout "$ready_timeout"; then
      on_kind get pods --output wide
      on_kind get events --sort-by .lastTimestamp | tail -n 20
      fail "$what is not ready after $ready_timeout" "kubectl rollout status" \
        "kubectl --context $context --namespace evmesh logs $what"
    fi
  done
  on_kind get pods --output wide
}

# The Job as it is, or with the inputs that were asked for in the place of its own.
job_with() {
  kubectl kustomize "$overlay/run" | awk -v inputs="$*" '
    /^ *- workload:/ && inputs != "" {
      if (!done) {
        n = split(inputs, each, " ")
        indent = $0
        sub(/-.*/, "", indent)
        for (i = 1; i <= n; i++) print indent "- " each[i]
        done = 1
      }
      next
    }
    { print }'
}

run_blocks() {
  local job exit_code tries
  job=$(job_with "$@")
  step "run blocks on the cluster"
  on_kind delete job/run --ignore-not-found --wait
  kubectl --context "$context" apply --filename - <<<"$job"
  on_kind logs --follow --pod-running-timeout 120s job/run
  # The log ends a moment before the pod does.
  exit_code=
  for ((tries = 0; tries < 60; tries++)); do
    exit_code=$(on_kind get pods --selector job-name=run \
      --output 'jsonpath={.items[0].status.containerStatuses[0].state.terminated.exitCode}')
    [[ -z $exit_code ]] || break
    sleep 1
  done
  if [[ $exit_code != 0 ]]; then
    printf 'error: the run ended with %s\nat: job/run\ntry: %s\n' "${exit_code:-no exit code after 60 s}" \
      "kubectl --context $context --namespace evmesh describe job/run" >&2
    exit "${exit_code:-4}"
  fi
  step "traces: $jaeger"
}

scale() {
  step "$1 workers"
  on_kind scale deployment/worker --replicas "$1"
  on_kind rollout status deployment/worker --timeout "$ready_timeout"
}

verb=${1:-up}
shift || true
check_arguments "$@"
if [[ $verb == job ]]; then
  job_with "$@"
  exit
fi
refuse_other_contexts
check_tools
case $verb in
  up)
    create_cluster
    build_and_load
    apply
    wait_until_ready
    run_blocks "$@"
    ;;
  run)
    need_cluster
    run_blocks "$@"
    ;;
  scale)
    need_cluster
    scale "$@"
    ;;
  down)
    step "delete cluster $cluster"
    kind delete cluster --name "$cluster"
    ;;
esac
