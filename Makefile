# `make help` lists the targets. Everything is set up by the first target that needs it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# The steps of a check share .venv and print in order.
.NOTPARALLEL:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# Ends in one line that names what is missing and the Debian package that has it.
need = command -v $(1) >/dev/null || { echo "error: missing system tool: $(1) (Debian package: $(2)): sudo apt-get install $(2)" >&2; exit 1; }

.PHONY: help setup venv toolchain demo test test-long test-emulated firmware lint format lint-ruff lint-format lint-types lint-imports \
	lint-protocol typecheck-firmware compile-firmware pytest pytest-arrays pytest-boards pytest-hil soak soak-flash soak-production soak-hil bench clean distclean

help: ## list the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)$$/  \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|' 2>/dev/null \
		|| sed -nE 's/^([a-z-]+):.*## (.*)$$/  \1: \2/p' $(MAKEFILE_LIST)

$(STAMP): pyproject.toml
	@$(call need,$(PYTHON),python3)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "error: Python 3.11 or newer is needed, $(PYTHON) is $$($(PYTHON) -V 2>&1): make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
		|| { echo "error: Python's venv module is missing (Debian package: python3-venv): sudo apt-get install python3-venv" >&2; exit 1; }
	@echo "== virtual environment and dependencies"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

venv: $(STAMP) ## virtual environment with all dependencies

firmware: $(STAMP) ## images for RP2040 and RP2350 boards, into build/firmware
	@$(BIN)/python -m nullfield.toolchain firmware

toolchain: $(STAMP) ## MicroPython for the virtual boards, built once into the user cache
	@$(BIN)/python -m nullfield.toolchain build

setup: venv toolchain ## everything that demo and test need

demo: setup ## a complete examination on the virtual instrument
	@$(BIN)/nullfield demo

lint-ruff: $(STAMP)
	@echo "== ruff check"
	@$(BIN)/ruff check .

lint-format: $(STAMP)
	@echo "== ruff format"
	@$(BIN)/ruff format --check .

lint-types: $(STAMP)
	@echo "== mypy: host and protocol"
	@$(BIN)/mypy

lint-imports: $(STAMP)
	@echo "== import-linter: the dependency rules"
	@$(BIN)/lint-imports

lint-protocol: $(STAMP)
	@echo "== protocol: generated files are fresh"
	@$(BIN)/python -m nullfield_protocol.generate --check

typecheck-firmware: $(STAMP) ## mypy on the firmware against MicroPython's stubs
	@echo "== mypy: firmware against MicroPython's stubs"
	@$(BIN)/python -m nullfield.toolchain typecheck

compile-firmware: toolchain ## mpy-cross on all firmware for x86, armv6m and armv7emsp
	@echo "== mpy-cross: all firmware, three architectures"
	@$(BIN)/python -m nullfield.toolchain compile

lint: lint-ruff lint-format lint-types lint-imports lint-protocol typecheck-firmware ## all checks without tests

# Arrays only: no boards, no ports, so two processes share them; each with one thread of algebra.
ARRAY_TESTS := tests/analysis tests/files tests/dsp tests/room

pytest-arrays: $(STAMP)
	@echo "== pytest: analysis and files, two processes"
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile $(ARRAY_TESTS)

# Each virtual board is a process of its own and nothing is timed, so these share two processes, too.
pytest-boards: setup
	@echo "== pytest: firmware, virtual boards, instrument, console, two processes"
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile tests $(addprefix --ignore=,$(ARRAY_TESTS))

# One board after another has a port for itself.
pytest-hil: setup
	@echo "== pytest: hardware-in-the-loop suite on virtual boards"
	@$(BIN)/python -m pytest hil_tests

pytest: pytest-arrays pytest-boards pytest-hil

test: setup lint compile-firmware pytest ## set-up, every check, every test

test-long: setup ## what takes minutes of virtual boards: bench, survey, room care, compensation, calibration
	@echo "== pytest: long tests, two processes"
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile -m long tests

soak: soak-flash soak-production soak-hil ## the long proofs: power cuts, seeded defects, ten minutes of streams

soak-flash: setup ## many power cuts while virtual boards are flashed (200; CUTS=n)
	@echo "== power cuts while flashing"
	@$(BIN)/python tests/deploy/power_cuts.py --cuts $${CUTS:-200}

soak-production: setup ## every seeded defect of the virtual boards against the acceptance plans
	@$(BIN)/nullfield bench-test --prove-defects

soak-hil: setup ## the hardware-in-the-loop suite with ten minutes of streaming a board
	@$(BIN)/python -m pytest hil_tests --long --timeout 0

EMULATED := NULLFIELD_EMULATED_IMAGE=build/firmware/nullfield-rp2040.uf2 $(BIN)/python -m pytest

test-emulated: toolchain firmware ## build the image, boot, flash and test it on the emulated RP2040
	@echo "== emulated RP2040: image, boot, flash, power cuts"
	@$(EMULATED) tests/emulated
	@echo "== emulated RP2040: hardware-in-the-loop suite"
	@$(EMULATED) hil_tests --target emulated

format: $(STAMP) ## put all files into ruff's format
	@$(BIN)/ruff check --fix --select I . && $(BIN)/ruff format .

bench: setup ## the figures of docs/results.md
	@$(BIN)/python -m tests.bench

clean: ## remove caches and runs; the virtual environment and the user cache stay
	@rm -rf runs .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis dist build
	@find . -path ./$(VENV) -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## remove the virtual environment, too
	@rm -rf $(VENV)
