# SPDX-License-Identifier: MIT
# Each target sets up what it needs, and only that; nothing changed means nothing done.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CAMPAIGN ?= paper-small
ARGS ?=
NS3_DIR ?=
FUZZ_RUNS ?= 1000000
export NS3_DIR
# Lets ccache, where there is one, share objects between clones.
export CCACHE_BASEDIR := $(CURDIR)

PYTHON := .venv/bin/python

.PHONY: help campaign notebooks test build lint bench fuzz clean setup system python ns3

help:
	@echo 'make campaign  set up, build, run the campaign CAMPAIGN=$(CAMPAIGN); what is done already is not run again'
	@echo 'make notebooks set up, build, and start Jupyter on this machine: figures, adaptation, one run down to TTIs'
	@echo 'make test      set up, build, run every test: C++ (also under AddressSanitizer and UBSan) and Python'
	@echo 'make build     set up and build build/bin/ran-slicing'
	@echo 'make lint      check style and types: ruff, mypy, clang-format'
	@echo 'make bench     set up, build, measure; prints a table and writes results/bench.json'
	@echo 'make fuzz      a million malformed inputs for each thing that reads them, C++ (libFuzzer, needs Clang) and Python'
	@echo 'make clean     remove what was built and the runs; set-up (.venv, .deps) and campaigns stay'
	@echo
	@echo 'CAMPAIGN=NAME_OR_FILE  campaign to run                 (default: paper-small, 35 minutes of runs on 2 cores;'
	@echo '                       smoke: 2 minutes; scalability, ablation, paper: hours to days)'
	@echo 'ARGS="..."             more arguments for the campaign, or for Jupyter'
	@echo 'NS3_DIR=PREFIX         an ns-3 of your own             (default: ns-3 3.44, fetched)'

campaign: build
	.venv/bin/slicebridge campaign run $(CAMPAIGN) $(ARGS)

# Loopback only; ARGS=--no-browser prints the address instead of opening it.
notebooks: build
	.venv/bin/jupyter lab --ip=127.0.0.1 --notebook-dir=results/notebooks $(ARGS)

test: export ASAN_OPTIONS := strict_string_checks=1:detect_stack_use_after_return=1
test: export UBSAN_OPTIONS := print_stacktrace=1
# The program is built here: a test that does not find it must not skip itself.
test: export SLICEBRIDGE_REQUIRE_BIN := 1
test: build
	@tools/system-packages.sh browser || echo 'without a browser the test of the report will fail'
	tools/test.sh

build: setup
	tools/build.sh build ran-slicing -DCMAKE_BUILD_TYPE=Release

lint: python
	tools/lint.sh

bench: build
	$(PYTHON) -m tests.bench

fuzz: setup
	@tools/system-packages.sh fuzz
	tools/fuzz.sh $(FUZZ_RUNS)

clean:
	rm -rf build build-asan build-fuzz results/runs results/bench.json

setup: system python ns3

system:
	@tools/system-packages.sh build

python:
	@tools/system-packages.sh python
	@tools/python-env.sh

ns3: python
	@$(PYTHON) tools/fetch_ns3.py
