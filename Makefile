# Every step of development and of CI is a target here; CI calls nothing else.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

CARGO ?= cargo
export CARGO_TARGET_DIR ?= $(CURDIR)/target
EVMESH := $(CARGO_TARGET_DIR)/release/evmesh
# What runs where the parts of a cluster are processes of their own.
PROGRAMS := -p coordinator -p worker -p state-service
STRICT ?=

.PHONY: help setup demo programs test check fmt lint doc generate bench conformance conformance-real edges import-check hosts contracts deny typos clean
.PHONY: up down compose-check kind kind-run kind-scale kind-down manifests

help: ## Lists the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: ## Checks what the build needs and installs what is missing (apt, as root)
	@scripts/setup.sh build

hosts: programs ## A cluster of hosts with addresses of their own (network namespaces, needs root): kills, joins, a pulled cable
	@scripts/hosts.sh $(CARGO_TARGET_DIR)/release

demo: setup ## Builds evmesh and runs blocks on a whole cluster in one process
	@$(CARGO) build --release --locked -p evmesh
	@$(EVMESH) demo

programs: setup ## Builds evmesh and the programs of coordinator, worker and state shard beside it
	@$(CARGO) build --release --locked -p evmesh $(PROGRAMS)

test: lint doc ## Format, lints, documentation and every test; the last line adds them up
	@scripts/test.sh

check: test deny typos ## Everything a change has to pass, with licences and spelling

fmt: ## Formats the code
	@$(CARGO) fmt --all

lint:
	@scripts/setup.sh develop
	@$(CARGO) fmt --all --check
	@$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

doc:
	@RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --document-private-items --locked

generate: ## Writes the code generated from the .proto files anew
	@$(CARGO) run --locked --quiet -p proto --example generate

bench: setup ## Measures the standard workloads into target/bench/report.json (STRICT=1 fails on a missed goal)
	@$(CARGO) build --release --locked -p bench $(PROGRAMS)
	@$(CARGO_TARGET_DIR)/release/bench $(if $(STRICT),--strict)

conformance: setup ## Ethereum's official tests of EVMESH_DATA through whole clusters (CASES=2000 SEED=1 TRANSPORT=grpc FILTER=… SHAPE=2 REBUILD=1; STRICT=1 fails on a failed case)
	@scripts/conformance.sh

conformance-real: programs ## Runs the real mainnet blocks of EVMESH_DATA in every cluster shape
	@scripts/conformance-real.sh $(EVMESH)

SEEDS ?= 64

edges: setup ## Runs the edge cases of every fork in every cluster shape, for SEEDS=64 seeds
	@$(CARGO) build --release --locked -p evmesh
	@scripts/edges.sh $(EVMESH) $(SEEDS)

import-check: setup ## Imports generated chains with Ethereum's execution specification in Python (from PyPI)
	@$(CARGO) build --release --locked -p evmesh
	@scripts/import-check.sh $(EVMESH)

COMPOSE ?= $(shell docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose)
WORKERS ?= 2
INPUT ?=

up: ## The cluster in containers: builds the image, starts WORKERS=2 workers and what they need
	@$(COMPOSE) up --build --detach --scale worker=$(WORKERS)

down: ## Stops what `make up` started and removes it
	@$(COMPOSE) --profile client down --volumes

compose-check: ## compose for real: scales workers, kills one among blocks, compares every block
	@COMPOSE='$(COMPOSE)' scripts/compose-check.sh

kind: ## The cluster on kind: creates it, builds, loads, applies, waits, runs blocks, names Jaeger
	@scripts/kind.sh up

kind-run: ## Runs blocks on the cluster of `make kind` (INPUT='workload:… workload:…')
	@scripts/kind.sh run $(foreach input,$(INPUT),'$(input)')

kind-scale: ## Gives the cluster of `make kind` another number of workers (WORKERS=8)
	@scripts/kind.sh scale $(WORKERS)

kind-down: ## Deletes the cluster of `make kind`
	@scripts/kind.sh down

manifests: ## Renders the manifests, validates them and holds them to the rules of the house
	@scripts/setup.sh develop
	@$(CARGO) test --locked -p tests --test main -- manifests::

contracts: ## Rebuilds the workloads' contracts from their sources (needs npm)
	@$(MAKE) -C contracts

deny: ## Advisories, licences and sources of the dependencies (needs cargo-deny)
	@scripts/need.sh cargo-deny "cargo install --locked cargo-deny"
	@$(CARGO) deny check

typos: ## Spelling (needs typos)
	@scripts/need.sh typos "cargo install --locked typos-cli"
	@typos

clean: ## Removes everything that was built
	@$(CARGO) clean
