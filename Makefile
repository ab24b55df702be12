# A few verbs over Meson. `make help` lists them.
.PHONY: help setup build demo test check lint format bench fuzz soak conformance clean install docs

BUILD ?= build
JOBS := $(shell nproc)
# Debian's own Python: its pytest and nothing from outside.
PYTHON := /usr/bin/python3
SANITIZE := -Db_sanitize=address,undefined -Db_lundef=false

help:
	@echo 'make demo      patch a fleet of 20 devices while you watch (KEEP=1 leaves it running)'
	@echo 'make test      everything that must hold: unit, fuzz, lint, end to end, under sanitizers'
	@echo 'make check     the quick part of make test'
	@echo 'make lint      formatting, layers, purity, clang-tidy, clang warnings'
	@echo 'make format    apply clang-format'
	@echo 'make bench     speed against named peers, also as JSON'
	@echo 'make fuzz      libFuzzer on every target (FUZZ_SECONDS=60 each)'
	@echo 'make soak      the long form of the kill tests (KILLS=2000)'
	@echo 'make conformance  the public suite for TUF clients (CONFORMANCE=CHECKOUT)'
	@echo 'make install   build and install (DESTDIR, PREFIX)'
	@echo 'make clean     remove build folders'

setup:
	@tools/setup

$(BUILD)/release/build.ninja: | setup
	meson setup $(BUILD)/release --buildtype=release -Db_pie=true
$(BUILD)/asan/build.ninja: | setup
	meson setup $(BUILD)/asan $(SANITIZE)

build: setup $(BUILD)/release/build.ninja
	ninja -C $(BUILD)/release

demo: build
	@$(PYTHON) examples/demo/demo.py --build $(BUILD)/release $(if $(KEEP),--keep)

test: setup $(BUILD)/asan/build.ninja
	ninja -C $(BUILD)/asan
	@$(PYTHON) tools/run_tests.py $(BUILD)/asan

check: setup $(BUILD)/asan/build.ninja
	ninja -C $(BUILD)/asan
	@$(PYTHON) tools/run_tests.py $(BUILD)/asan --suite unit --suite lint --suite fuzz

lint: setup $(BUILD)/asan/build.ninja
	ninja -C $(BUILD)/asan
	@$(PYTHON) tools/run_tests.py $(BUILD)/asan --suite lint
	@tools/lint --tidy $(BUILD)/asan

format: setup
	@git ls-files '*.c' '*.h' | xargs clang-format-14 -i

bench: build
	@$(PYTHON) tools/bench.py $(BUILD)/release

fuzz: setup
	@tools/fuzz $(BUILD)/fuzz

soak: build
	@$(PYTHON) -m pytest -q tests/e2e --build $(BUILD)/release --kills $(or $(KILLS),2000)

conformance: build
	@$(PYTHON) tests/conformance/run_suite.py $(BUILD)/release/programs/tuf/pawl-tuf $(CONFORMANCE)

install: build
	meson install -C $(BUILD)/release

clean:
	rm -rf $(BUILD) .demo
