# Every target does its own set-up; nothing needs to be installed first but make and git.
# `make` alone prints what there is.

SHELL := /bin/sh
PY := .venv/bin/python

.DEFAULT_GOAL := help
.PHONY: help run test bench bench-start bench-idle bench-view bench-decide bench-storm bench-hostile bench-simulate bench-weblink bench-slurm bench-pending install uninstall lock format clean
.NOTPARALLEL:

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

run: ## start a server for yourself and print its link; ARGS="--port 4000" passes options on
	@scripts/setup run
	@exec .venv/bin/portcall server --one-person $(ARGS)

test: ## format, lint, types, unit tests, then real processes and a real browser
	@scripts/setup test
	@exec $(PY) scripts/check

bench: bench-start bench-idle bench-view bench-decide bench-storm bench-hostile bench-simulate bench-weblink bench-slurm bench-pending ## all measurements below

bench-start: ## time from a click to the first bytes of the picture, against bare Xvnc
	@scripts/setup bench
	@exec $(PY) -m bench.start $(ARGS)

bench-idle: ## memory and processor use of idle sessions
	@scripts/setup bench
	@exec $(PY) -m bench.idle $(ARGS)

bench-view: ## bytes/s, latency and connections of the viewer's path, against websockify
	@scripts/setup bench
	@exec $(PY) -m bench.view $(ARGS)

bench-decide: ## time of a whole decision about a start, and of a start with functions, against bare Xvnc
	@scripts/setup bench
	@exec $(PY) -m bench.decide $(ARGS)

bench-storm: ## 200 starts in a second on 20 servers whose records come late
	@scripts/setup bench
	@exec $(PY) -m bench.storm $(ARGS)

bench-hostile: ## honest functions beside hostile ones for five minutes
	@scripts/setup bench
	@exec $(PY) -m bench.hostile $(ARGS)

bench-simulate: ## a simulation of 100,000 starts on 1,000 servers
	@scripts/setup bench
	@exec $(PY) -m bench.simulate $(ARGS)

bench-weblink: ## bytes/s and latency of a session that calls in over the network, against the local way
	@scripts/setup bench
	@exec $(PY) -m bench.weblink $(ARGS)

bench-slurm: ## as root: questions to Slurm with 200 pending sessions and 50 pages, and what a scheduled start costs
	@scripts/setup bench
	@exec $(PY) -m bench.slurm $(ARGS)

bench-pending: ## as root: 500 sessions submitted in a minute to a server that is killed three times
	@scripts/setup bench
	@exec $(PY) -m bench.pending $(ARGS)

install: ## as root: install for many users under /usr/lib/portcall, with a systemd unit (not started)
	@scripts/install

uninstall: ## as root: take that away again; PURGE=yes takes settings and data too
	@PURGE="$(PURGE)" scripts/uninstall

lock: ## resolve the dependencies anew into requirements*.txt; ARGS=--upgrade for newer versions
	@scripts/lock $(ARGS)

format: ## put the code into the form that `make test` asks for
	@scripts/setup test
	@$(PY) -m ruff check --fix --quiet . ; $(PY) -m ruff format .

clean: ## remove what set-up, tools and tests have made here
	rm -rf .venv src/portcall/web/static ui/node_modules ui/dist build dist test-results \
		.mypy_cache .ruff_cache .pytest_cache .hypothesis
	find src tests bench scripts -name __pycache__ -type d -exec rm -rf {} + 2>/dev/null || true
