# Every target makes its own environment inside this folder; nothing is installed outside it and nothing needs root.
# ARGS goes to the command behind a target: make demo ARGS="--headless --ratings 200 --json". GNU make 3.81 or newer.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do "$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && exit; done; echo python3)
BIN := .venv/bin
TOOLS := .venv-tools/bin
BOARDS := k5
# mosquitto lives in sbin on Debian, which is not on every user's path.
export PATH := $(PATH):/usr/sbin:/usr/local/sbin
# The tests start hundreds of commands: without bytecode each would be compiled anew.
unexport PYTHONPATH PYTHONHOME PYTHONDONTWRITEBYTECODE

.PHONY: help venv tools bundle demo test soak bench screens lint types lock clean

help:
	@echo "make demo    the whole chain on this machine, with a page to press keys on"
	@echo "make test    the tests; REQUIRE_ALL=1 makes a skipped test a failure"
	@echo "make soak    everything at once and every fault, then what was shown beside what the city has; ARGS=\"--minutes 10 --seed N\""
	@echo "make bench   what the project claims in numbers, measured; ARGS=\"--only journal --repetitions 1\""
	@echo "make screens the terminals' screens, what changed beside what was approved; ARGS=--accept approves, ARGS=--open shows"
	@echo "make bundle  the terminals' firmware, compiled, packed and signed, for the wheel"
	@echo "make lint    ruff and the rules of tests/lint"
	@echo "make types   basedpyright with the boards' stubs"
	@echo "make lock    renew the locks from pyproject.toml"
	@echo "make clean   remove everything that these targets made"

venv:
	@command -v "$(PYTHON)" >/dev/null || { echo "yiping: no $(PYTHON) found: install Python 3.11 or newer, or name it with make PYTHON=/path/to/it" >&2; exit 1; }
	@"$(PYTHON)" tools/setup_venv.py .venv requirements.lock --project

tools:
	@"$(PYTHON)" tools/setup_venv.py .venv-tools tools/tools.lock

bundle: venv
	@$(BIN)/python tools/wheel_bundles.py $(ARGS)

demo: venv
	@$(BIN)/yiping demo $(ARGS)

test: venv
	@$(BIN)/python -m pytest -n auto --dist worksteal -m "not slow" $(if $(REQUIRE_ALL),-p tests.plugins.no_skips) $(ARGS)

soak: venv
	@$(BIN)/python -m tests.soak $(ARGS)

bench: venv
	@$(BIN)/python -m tests.bench $(ARGS)

screens: venv
	@$(BIN)/python -m tests.ui $(ARGS)

lint: venv
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/python -m pytest tests/lint -q $(ARGS)

types: venv tools $(BOARDS:%=typings/%/made-from)
	@$(TOOLS)/basedpyright --project tools/types-host.json $(ARGS)
	@for board in $(BOARDS); do $(TOOLS)/basedpyright --project tools/types-$$board.json $(ARGS) || exit 1; done

typings/%/made-from: tools/stubs.lock | tools
	@rm -rf typings/$*
	@$(TOOLS)/python -m pip install -q --require-hashes --target typings/$* -r tools/stubs.lock
	@touch $@

lock: venv tools
	@$(TOOLS)/python tools/lock.py $(ARGS)

clean:
	rm -rf .venv .venv-tools .venv.lock .venv-tools.lock typings build dist demo-data .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
