# Needs Python 3.11 or newer and make; everything else is installed into .venv and node_modules.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

VENV := .venv
BIN := $(VENV)/bin
PACKAGES := chain store indexer api config dvault
WORKERS ?= 2
STORE ?= fake
ARGS ?=
# Setup puts a node into .venv only where the machine has none that is new enough.
export PATH := $(CURDIR)/$(BIN):$(PATH)

PYTHON_READY := $(VENV)/.ready
NODE_READY := node_modules/.ready
CLIENT_READY := clients/typescript/node_modules/.ready
READY := $(PYTHON_READY) $(NODE_READY)

.PHONY: help
help: ## Say what can be made
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(READY) ## Install everything (once; again when a lock file changes)

$(PYTHON_READY): requirements.lock pyproject.toml tools/setup
	@echo "Installing Python packages into $(VENV) …"
	@tools/setup python
	@touch $@

$(NODE_READY): package.json package-lock.json tools/setup | $(PYTHON_READY)
	@echo "Installing node packages into node_modules …"
	@tools/setup node
	@touch $@

# What builds and tests the client; not part of setup, since only those who change the API need it.
$(CLIENT_READY): clients/typescript/package.json clients/typescript/package-lock.json tools/setup | $(PYTHON_READY)
	@echo "Installing node packages into clients/typescript/node_modules …"
	@tools/setup client
	@touch $@

.PHONY: demo
demo: $(READY) ## Show the whole story on a chain of its own, without questions (ARGS=…)
	@$(BIN)/dvault demo $(ARGS)

.PHONY: test
test: $(READY) ## Run every test that takes seconds (ARGS=… goes to pytest)
	@$(BIN)/python -m pytest -m "not long" -n $(WORKERS) --dist loadgroup $(ARGS)

.PHONY: test-long
test-long: $(READY) ## Run the tests that take minutes
	@$(BIN)/python -m pytest -m long --timeout 3600 $(ARGS)

.PHONY: simulate
simulate: $(PYTHON_READY) ## Simulate the indexer by seeds (SEEDS=100 SEED=0 STORE=fake|mongo)
	@$(BIN)/python -m tests.simulation.simulate --workers $(WORKERS) --store $(STORE) \
		$(if $(SEEDS),--seeds $(SEEDS)) $(if $(SEED),--seed $(SEED)) $(ARGS)

.PHONY: mutants
mutants: $(PYTHON_READY) ## Plant faults in a copy of the indexer, and count those that the simulation finds
	@$(BIN)/python -m tests.simulation.mutants --workers $(WORKERS) $(ARGS)

.PHONY: check
check: $(READY) ## Style, types, import rules, documentation
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy --strict $(PACKAGES) bench
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest -q tests/unit/test_house.py tests/api/test_documents.py tests/unit/test_typescript_client.py

.PHONY: format
format: $(PYTHON_READY) ## Put the code in the house format
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.PHONY: compile-contracts
compile-contracts: $(NODE_READY) ## Compile the development contracts into contracts/artifacts
	@node contracts/compile.mjs

.PHONY: check-contracts
check-contracts: $(NODE_READY) ## Compile again and compare with what is committed
	@node contracts/compile.mjs --check

.PHONY: bench-backfill
bench-backfill: $(READY) ## Measure how fast history is indexed
	@$(BIN)/python -m bench.backfill $(ARGS)

.PHONY: bench-head
bench-head: $(READY) ## Measure how soon a new block is answered for
	@$(BIN)/python -m bench.head $(ARGS)

.PHONY: bench-limits
bench-limits: $(READY) ## Measure what a rate limit costs a request
	@$(BIN)/python -m bench.limits $(ARGS)

.PHONY: bench-sign-in
bench-sign-in: $(READY) ## Measure how soon any body is answered where people sign in
	@$(BIN)/python -m bench.sign_in $(ARGS)

.PHONY: bench-read
bench-read: $(READY) ## Measure how fast the API answers, against the least that could (needs wrk)
	@$(BIN)/python -m bench.read $(ARGS)

.PHONY: bench-growth
bench-growth: $(READY) ## Measure what reads cost in a large database, against a small one
	@$(BIN)/python -m bench.growth $(ARGS)

.PHONY: bench-newest-state
bench-newest-state: $(READY) ## Measure how a worker learns of a new state: asked or told
	@$(BIN)/python -m bench.newest_state $(ARGS)

.PHONY: client
client: $(CLIENT_READY) ## Build the TypeScript client into clients/typescript/dist
	@npm --prefix clients/typescript run --silent build

.PHONY: openapi
openapi: $(PYTHON_READY) $(CLIENT_READY) ## Write again what is generated: OpenAPI, its examples, docs/errors.md, the client's types
	@$(BIN)/python -m tools.guide_examples > api/description/examples.json
	@$(BIN)/python -m api.openapi > docs/openapi.json
	@$(BIN)/python -m api.error_guide > docs/errors.md
	@npm --prefix clients/typescript run --silent types > /dev/null

.PHONY: lock
lock: ## Resolve the Python packages again (needs uv)
	@command -v uv >/dev/null || { echo "lock: uv is needed; install it, for example with pipx install uv." >&2; exit 1; }
	@uv pip compile pyproject.toml --quiet --universal --extra dev --generate-hashes \
		--no-emit-index-url --no-emit-find-links --prerelease=if-necessary-or-explicit \
		--custom-compile-command "make lock" --output-file requirements.lock

.PHONY: clean
clean: ## Remove what was installed and what tools have cached (.dvault, your data, stays)
	@rm -rf $(VENV) node_modules clients/typescript/{node_modules,build,dist} .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache dist build
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
