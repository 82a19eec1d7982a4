# Every command sets up what it needs first: a fresh clone wants only git, make, Python 3.11+ with pip, and Rust with cargo.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# rustup puts cargo there; not every shell has it on its PATH.
export PATH := $(PATH):$(HOME)/.cargo/bin

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
MATURIN := VIRTUAL_ENV=$(CURDIR)/$(VENV) PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/maturin

# What the native module is made of; any of it changed means: build again.
NATIVE_SOURCES := $(shell find arbiter_rs proto -type f \( -name '*.rs' -o -name '*.lua' -o -name '*.proto' -o -name '*.pyi' \)) \
	$(wildcard arbiter_rs/*.toml arbiter_rs/*/*.toml) Cargo.toml Cargo.lock .cargo/config.toml
TYPED := $(wildcard server clients tests load_tests tools)

# The generator of the load tests, and the peer that cargo can install.
LOAD := target/release/repit-load
LOAD_SOURCES := $(shell find load_tests proto -type f \( -name '*.rs' -o -name '*.proto' \)) load_tests/Cargo.toml Cargo.toml Cargo.lock
CRAB := target/peers/bin/throttlecrab-server

# Arguments for the command that runs: `make test TESTS="tests/unit -k respite"`, `make serve ARGS="--store memory"`.
TESTS ?=
ARGS ?=
# fast, or slow: many more examples in every property test.
PROFILE ?= fast

# The load test: a server that is there, or the store of one that is started; length and peak of the curve.
TARGET ?=
STORE ?= memory
DURATION ?=
RATE ?=

.PHONY: help peers demo test check serve bench proto format requirements build clean cargo redis load

help: ## this list
	@grep -E '^[a-z]+:.* ## ' $(MAKEFILE_LIST) | sort | sed -E 's/^([a-z]+):.* ## /\1\t/' | while IFS=$$'\t' read -r name does; do printf '  make %-14s %s\n' "$$name" "$$does"; done

demo: build $(VENV)/.demo ## set everything up and put one real year of contacts through a server
	@$(BIN)/repit demo $(ARGS)

serve: build ## a server on loopback, its state in ./repit-data
	@$(BIN)/repit serve $(ARGS)

test: build $(VENV)/.demo redis ## all tests: Rust, then Python (TESTS="…" for some, PROFILE=slow for longer)
	@$(if $(TESTS),:,cargo test --workspace --locked --quiet)
	@$(BIN)/python -m pytest --hypothesis-profile=$(PROFILE) $(TESTS)

check: build ## format, lint, types, imports, proto
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy $(TYPED)
	$(BIN)/python -m mypy.stubtest arbiter_rs --mypy-config-file pyproject.toml --allowlist tools/stubtest-allowed.txt
	$(BIN)/lint-imports --no-logo
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	$(BIN)/buf lint
	$(BIN)/python tools/generate_proto.py --check
	@tools/check-breaking $(BIN)/buf
	PATH="$(CURDIR)/$(BIN):$$PATH" cargo deny --locked check licenses bans sources

bench: cargo redis ## micro-benchmarks: the core alone, each store, then claims at size
	@cargo bench --workspace --locked $(ARGS)

format: cargo $(VENV)/.dev ## rewrite Python and Rust as `make check` wants them
	@$(BIN)/ruff check --fix --quiet || true
	@$(BIN)/ruff format
	@cargo fmt --all

proto: $(VENV)/.dev ## generate clients/python from proto/
	@$(BIN)/python tools/generate_proto.py
	@$(BIN)/buf lint

requirements: $(VENV)/.dev ## compile requirements/*.in to pinned versions with hashes (ARGS=--upgrade)
	@tools/compile-requirements $(BIN)/python $(ARGS)

build: cargo $(VENV)/.local $(VENV)/.native ## .venv with the pinned dependencies, and the native module in it

clean: ## remove what make made
	@rm -rf $(VENV) target build
	@find . -name __pycache__ -prune -exec rm -rf {} +

load: build $(LOAD) $(if $(filter redis,$(STORE)),redis) ## a load test (PROFILE=email-blast, TARGET=HOST:PORT, STORE=memory|embedded|redis, DURATION=20s, RATE=500)
	@$(LOAD) run $(if $(filter fast slow,$(PROFILE)),email-blast,$(PROFILE)) --store $(STORE) $(if $(TARGET),--target $(TARGET)) \
		$(if $(DURATION),--duration $(DURATION)) $(if $(RATE),--rate $(RATE)) $(ARGS)

peers: build $(LOAD) redis $(CRAB) ## Répit beside an empty server and other limiters (PEERS_CUSTOMERS=1000000), into docs/benchmarks.md
	@$(LOAD) peers $(ARGS)

$(LOAD): $(LOAD_SOURCES) | cargo
	@cargo build --release --locked --quiet -p repit_load

# Its build asks protoc for its messages; grpcio-tools has one.
$(CRAB): $(VENV)/.dev
	@echo "repit: installing throttlecrab-server into target/peers (a few minutes)" >&2
	@PROTOC=$(CURDIR)/load_tests/peers/protoc cargo install --quiet --locked --root target/peers --target-dir target/peers/build throttlecrab-server@0.4.40
	@touch $@

# ---------------------------------------------------------------- set-up, each step stamped in .venv
cargo:
	@tools/need-cargo

redis:
	@tools/need-redis

$(VENV)/.made: requirements/pip.txt
	@tools/make-venv $(VENV)
	@touch $@

$(VENV)/.dev: $(VENV)/.made requirements/dev.txt
	@echo "repit: installing the pinned dependencies into $(VENV)" >&2
	@$(PIP) install --quiet --require-hashes -r requirements/dev.txt
	@touch $@

$(VENV)/.demo: $(VENV)/.dev requirements/demo.txt
	@echo "repit: installing the demo's data into $(VENV)" >&2
	@$(PIP) install --quiet --require-hashes -r requirements/demo.txt
	@touch $@

$(VENV)/.local: $(VENV)/.dev pyproject.toml
	@$(PIP) install -qq --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.native: $(VENV)/.dev $(NATIVE_SOURCES)
	@echo "repit: building the native module (a few minutes the first time)" >&2
	@$(MATURIN) develop --release --locked --quiet -m arbiter_rs/Cargo.toml
	@touch $@
