# Two commands matter to somebody new: `make demo` and `make test`. Everything they need is installed
# into .venv and node_modules, once, and again only when what it was made from has changed.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.NOTPARALLEL:
.DEFAULT_GOAL := help

# Packed environments take minutes to build; they are kept here between runs.
export ENVGUARD_CACHE ?= $(CURDIR)/.cache
export PATH := $(CURDIR)/.venv/bin:$(PATH)

PYTHON := .venv/bin/python
WORKERS ?= 2
say = @printf '\n\033[1m• %s\033[0m\n'

PANEL := $(shell find labextension/src labextension/style labextension/schema -type f)
SOURCES := pyproject.toml setup.cfg $(wildcard jupyter-config/*/*) $(PANEL) $(addprefix labextension/, \
	build_backend.py install.json package.json package-lock.json tsconfig.json)

# The modules from `errors` up to `admission`: every line and every branch is tested.
CORE := $(shell sed -n '/^\[importlinter:contract:core\]/,/^forbidden/s/^    jupyter_envguard\.\(.*\)/\1/p' setup.cfg)
comma := ,
empty :=
space := $(empty) $(empty)
CORE_FILES := $(subst $(space),$(comma),$(foreach name,$(CORE),*/jupyter_envguard/$(name).py */jupyter_envguard/$(name)/*))

.PHONY: help
help: ## Say what can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

.PHONY: demo
demo: .venv/.demo demo/node_modules/.package-lock.json ## Start a real JupyterHub with approved environments on 127.0.0.1:8000
	$(PYTHON) -m demo

.PHONY: demo-check
demo-check: .venv/.demo demo/node_modules/.package-lock.json ## Walk through the demo without a person; exit 0 or 1
	$(PYTHON) -m demo --check

.PHONY: test
test: lint jest docs pytest ## Run every check and every test

.PHONY: pytest
pytest: .venv/.test demo/node_modules/.package-lock.json
	@.ci/need chromium=chromium fonts-dejavu-core=/usr/share/fonts/truetype/dejavu squashfs-tools=mksquashfs \
		squashfuse=squashfuse fuse3=fusermount3 erofs-utils=mkfs.erofs iproute2=ip faketime=faketime
	$(say) "Tests ($(WORKERS) workers)"
	@mkdir -p .cache && rm -f .coverage .coverage.*
	nice $(PYTHON) -m pytest -n $(WORKERS) --dist loadfile --cov --cov-report= $(ARGUMENTS) | tee .cache/pytest.log
	$(say) "Coverage of the core"
	$(PYTHON) -m coverage report --skip-covered --show-missing --fail-under=100 --include='$(CORE_FILES)'

.PHONY: lint
lint: .venv/.test labextension/node_modules/.package-lock.json ## Check style, types and who imports whom
	$(say) "Style, types, imports"
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	.venv/bin/lint-imports --no-logo
	npm --prefix labextension run --silent lint

.PHONY: jest
jest: labextension/node_modules/.package-lock.json ## Test the panel
	$(say) "Tests of the panel"
	npm --prefix labextension run --silent test

.PHONY: docs
docs: .venv/.test ## Build the documentation; a warning is an error
	$(say) "Documentation"
	$(PYTHON) -m sphinx -q -W --keep-going -b html docs docs/_build/html

.PHONY: bench
bench: .venv/.test ## Compare with peers (half an hour); print ratios, and write them for the documentation
	@.ci/need chromium=chromium unzip=unzip zstd=zstd squashfs-tools=mksquashfs squashfuse=squashfuse \
		fuse3=fusermount3 erofs-utils=mkfs.erofs
	$(PYTHON) -m benchmarks

.PHONY: lock
lock: ## Resolve the panel's dependencies anew, as of the day DATE=2026-10-20
	@test -n "$(DATE)" || { echo "Say as of which day: make lock DATE=2026-10-20" >&2; exit 1; }
	npm --prefix labextension install --package-lock-only --ignore-scripts --before "$(DATE)"

.PHONY: clean
clean: ## Remove everything that was made, except the packs in .cache
	rm -rf .venv .demo build dist *.egg-info docs/_build labextension/{dist,lib,node_modules} demo/node_modules
	rm -rf .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# What the targets above stand on.

.venv/bin/python:
	$(say) "Virtual environment .venv"
	@.ci/venv .venv

.venv/.demo: .venv/bin/python $(SOURCES)
	@.ci/node
	$(say) "EnvGuard and what the demo needs, into .venv (some minutes the first time)"
	$(PYTHON) -m pip install --quiet --editable '.[demo]'
	@touch $@

.venv/.test: .venv/bin/python $(SOURCES)
	@.ci/node
	$(say) "EnvGuard and what the tests need, into .venv (some minutes the first time)"
	$(PYTHON) -m pip install --quiet --editable '.[test,docs]'
	@touch $@ .venv/.demo

# npm writes this file last: it is there if, and only if, the install came to its end.
%/node_modules/.package-lock.json: %/package.json %/package-lock.json
	@.ci/node
	$(say) "Packages of $*/ from npm"
	npm --prefix $* ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@
