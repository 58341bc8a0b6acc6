# Every target installs what it needs first; only Python 3.11+ with pip must be there.
.DEFAULT_GOAL := help
BIN := .venv/bin
# A run loads its stories anew; without kept bytecode it would compile them anew, too.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help install demo up test check proofs fmt format-is-clean lint types contracts deployment

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' Makefile

install: ## make .venv from uv.lock
	@sh scripts/bootstrap

demo: install ## run real orders through the whole stack (ARGS="--orders 50")
	@$(BIN)/oms demo $(ARGS)

up: install ## start the stack and keep it running (ARGS="--data-dir DIR")
	@$(BIN)/oms up $(ARGS)

test: install ## the whole suite (ARGS="-k word")
	@$(BIN)/python -m pytest -m "not slow" -n 4 --dist loadfile $(ARGS)

check: install ## format, lint, types, import contracts, files of deployment
	@$(MAKE) --no-print-directory --keep-going --jobs=2 types lint contracts format-is-clean deployment

proofs: install ## long properties and fault runs
	@$(BIN)/python -m pytest -m slow $(ARGS)

fmt: install ## format and fix what can be fixed
	@$(BIN)/ruff check --quiet --fix . || true
	@$(BIN)/ruff format .

format-is-clean:
	@$(BIN)/ruff format --check .

lint:
	@$(BIN)/ruff check .

types:
	@$(BIN)/mypy

contracts:
	@$(BIN)/lint-imports

deployment:
	@sh scripts/check_compose
	@$(BIN)/python scripts/check_manifests.py
