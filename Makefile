# Everything happens in a virtual environment below this directory; nothing else on the machine is changed,
# except that `make test` as root on Debian installs the programs the lab tests talk to (.ci/peers).
#   PYTHON=python3.12    which Python (3.11 or later)
#   VENV=DIR             where the environment goes
#   CC=clang             which C compiler; it need not be the one that Python was built with

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
  $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV ?= .venv
export CC ?= cc
BIN := $(VENV)/bin
RESULT := bench/results/bench.json
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
SOURCES := $(shell find src csrc -name '*.pyx' -o -name '*.pxd' -o -name '*.[ch]')
# A test that fails while others share the processors is tried once more alone; what fails twice has failed.
tests = $(BIN)/python -m pytest -n 2 $(1) || \
  $(BIN)/python -m pytest --last-failed --last-failed-no-failures none $(1)
COMPILED := $(subst /,.,$(patsubst src/%.pyx,%,$(filter %.pyx,$(SOURCES))))

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 16

run: $(VENV)/.stamp-build  ## build, then two routers, a client and a power failure in namespaces (no root needed)
	$(BIN)/vrrpctl lab

test: $(VENV)/.stamp-test  ## all tests, with real keepalived and FRR in network namespaces (needs root)
	.ci/peers
	$(call tests)

unit: $(VENV)/.stamp-test  ## the tests that need neither root nor foreign programs
	$(call tests,-m 'not lab and not peer')

lint: $(VENV)/.stamp-lint  ## ruff, mypy --strict, stubtest, cython-lint, and the C with every warning an error
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	MYPYPATH=src $(BIN)/python -m mypy.stubtest --allowlist tests/stubtest.allow --ignore-unused-allowlist $(COMPILED)
	PATH="$(abspath $(BIN)):$$PATH" cython-lint src
	$(CC) -std=gnu11 -fsyntax-only -Wall -Wextra -Wconversion -Werror csrc/*.c

bench: $(VENV)/.stamp-build  ## side by side with keepalived (needs root); BENCH='--quick NAME…' narrows it
	mkdir -p $(dir $(RESULT))
	$(BIN)/python bench/run.py --json $(RESULT) $(BENCH)

charts: $(VENV)/.stamp-bench  ## docs/img from what the last `make bench` measured
	$(BIN)/python bench/charts.py $(RESULT)

pictures: $(VENV)/.stamp-test  ## docs/img of vrrpctl, from a failover of two routers in namespaces (needs root)
	$(BIN)/python bench/pictures.py

dist: $(VENV)/.stamp-build  ## sdist, wheel from the sdist, and the wheel tried in a fresh environment
	rm -rf build/dist build/dist-venv
	$(BIN)/python -m build --outdir build/dist .
	$(PYTHON) -m venv build/dist-venv
	build/dist-venv/bin/python -m pip --disable-pip-version-check --quiet install build/dist/*.whl
	build/dist-venv/bin/python -I packaging/check_installed.py

clean:  ## remove what was built, and the environment
	rm -rf $(VENV) .cache build dist src/*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src -name '*.so' -delete
	find src tests bench -name __pycache__ -prune -exec rm -r {} +

# Stamps: what is done is not done again until what it depends on changes.

$(VENV)/.stamp-venv:
	@test -n "$(PYTHON)" || { echo "no Python 3.11 or later found; name one with PYTHON=" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON) is not Python 3.11 or later" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || \
	  { echo "$(PYTHON) has no venv (Debian: apt-get install python3-venv)" >&2; exit 1; }
	@$(PYTHON) -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))' || \
	  { echo "$(PYTHON) has no C headers (Debian: apt-get install python3-dev)" >&2; exit 1; }
	@command -v $(CC) >/dev/null || { echo "no C compiler: $(CC) (Debian: apt-get install gcc libc6-dev)" >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(PIP) install --upgrade pip
	@touch $@

$(VENV)/.stamp-install: $(VENV)/.stamp-venv pyproject.toml
	$(PIP) install --group build
	$(PIP) install --no-build-isolation --editable .
	@touch $@

$(VENV)/.stamp-build: $(VENV)/.stamp-install setup.py $(SOURCES)
	$(BIN)/python setup.py --quiet build_ext --inplace
	@touch $@

$(VENV)/.stamp-test: $(VENV)/.stamp-build
	$(PIP) install --group test
	@touch $@

$(VENV)/.stamp-lint: $(VENV)/.stamp-test
	$(PIP) install --group lint
	@touch $@

$(VENV)/.stamp-bench: $(VENV)/.stamp-build
	$(PIP) install --group bench
	@touch $@

.PHONY: help run test unit lint bench charts pictures dist clean
