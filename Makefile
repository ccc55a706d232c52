# `make check` is what must hold before anything is merged; `make simulate` is for the night.

PYTHON ?= .venv/bin/python
SEEDS ?= 1000
START ?= 0

.PHONY: help check simulate

help:
	@echo "make check                        format, lint, types, contract, tests"
	@echo "make simulate SEEDS=10000         that many simulated worlds, from START=0 on"

check:
	sh check.sh

simulate:
	$(PYTHON) -m tests.simulation --seeds $(SEEDS) --start $(START)
