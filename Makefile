# Lastgood: make help

# Paths are relative, so the project may lie in a folder with spaces in its name
VENV_PYTHON = .venv/bin/python
# Sources to run, every one by default
SOURCES =
# Records of a sample upstream that is made for the first time; its own default where empty
SIZE =
# Port of the UI
PORT = 8080
# What `make test` hands to pytest, every test by default
TESTS =
# Whether `make test` measures which lines the tests run: COVERAGE=yes
COVERAGE =
# The commit since which `make check` looks
SINCE = HEAD~1
# The Airflow of `make test-airflow`, and what touches Airflow
AIRFLOW = 3.2.1
TOUCHES_AIRFLOW = tests/dags tests/plugins tests/e2e tests/sandbox/test_ui.py
# What `make airflow` hands to Airflow's command line, and `make lastgood` to the operator's commands
ARGS =
# What `make bench` hands to the benchmark
BENCH =
# What `make lock` hands to the resolver; without --upgrade it keeps the present versions where it can
LOCK =
# What `make soak` hands to the kills and schedules of the core, which then run alone
SOAK =

# What `make sql` runs; a prompt where empty
SQL =
export SQL

# Another project's modules are none of ours
unexport PYTHONPATH PYTHONHOME

.DEFAULT_GOAL = help
.PHONY: help run sql advance ui airflow lastgood drill down clean test coverage check test-airflow test-imaging soak lint types imports docs page bench lock env setup setup-dev setup-imaging

help: ## Show what there is
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

run: setup ## Run the pipelines end to end on sample data: SOURCES="ctgov" SIZE=2000
	@$(VENV_PYTHON) -m sandbox.run $(if $(SIZE),--size $(SIZE)) $(SOURCES)

advance: setup ## Move the sample upstreams to their next data version: SOURCES="ctgov"
	@$(VENV_PYTHON) -m sandbox.ui advance $(SOURCES)

ui: setup ## Start the whole Airflow with its UI: PORT=8080
	@$(VENV_PYTHON) -m sandbox.ui up --port $(PORT)

airflow: setup ## Run Airflow's command line in the sandbox: ARGS="dags list"
	@$(VENV_PYTHON) -m sandbox.ui airflow $(ARGS)

lastgood: setup ## Run an operator's command in the sandbox: ARGS="runs -n 20"
	@$(VENV_PYTHON) -m sandbox.ui lastgood $(ARGS)

sql: setup ## Open the sandbox's database, or run one statement: SQL="SELECT 1"
	@$(VENV_PYTHON) -m sandbox.ui sql "$$SQL"

drill: setup ## Break everything on purpose, recover, write docs/drills/DATE.md
	@$(VENV_PYTHON) -m sandbox.drill.main

down: ## Stop all that was started, and nothing else
	@if [ ! -d .lastgood ]; then echo "Nothing was running."; else \
		$(VENV_PYTHON) -c 'import psutil, psycopg, requests' 2>/dev/null || sh sandbox/setup.sh sandbox || exit 1; \
		$(VENV_PYTHON) -m sandbox.ui down; fi

clean: down ## Stop all and remove what was made: .lastgood and .venv
	@rm -rf .lastgood .venv .venv-airflow-* .venv-imaging
	@echo "Removed .lastgood and .venv."

test: setup-dev ## Lint, types, import rules and every test: TESTS="tests/publishing"
	@$(VENV_PYTHON) -m sandbox.checks$(if $(COVERAGE), --coverage) $(TESTS)

coverage: COVERAGE = yes
coverage: test ## The same, and which lines and branches the tests run: TESTS="tests/quality"

check: setup-dev ## Lint, types, import rules and the tests of what changed, in a minute: SINCE="HEAD~3"
	@$(VENV_PYTHON) -m sandbox.checks --since "$(SINCE)"

test-airflow: ## What touches Airflow, on another release of it: AIRFLOW=3.2.1 TESTS="tests/dags"
	@sh sandbox/setup.sh dev-airflow-$(AIRFLOW) .venv-airflow-$(AIRFLOW)
	@.venv-airflow-$(AIRFLOW)/bin/python -m sandbox.checks --only tests $(or $(TESTS),$(TOUCHES_AIRFLOW))

test-imaging: setup-dev setup-imaging ## What images radio data, the long tests too: TESTS="tests/imaging"
	@$(VENV_PYTHON) -m sandbox.checks --only tests -m "imaging or imaging_long" $(TESTS)

soak: setup-dev ## Provoke every failure, kill and freeze the core 1,000 times (2 hours): SOAK="--seed 7 --from 12"
	@$(if $(SOAK),,$(VENV_PYTHON) -m pytest -m airflow -s --show-capture=no tests/e2e/test_provoked_failures.py)
	@$(VENV_PYTHON) -m tests.soak $(SOAK)

lint: setup-dev ## Lint and formatting, without changing anything
	@$(VENV_PYTHON) -m sandbox.checks --only lint

types: setup-dev ## Types
	@$(VENV_PYTHON) -m sandbox.checks --only types

imports: setup-dev ## Imports go one way: dags, plugins/lastgood, include
	@$(VENV_PYTHON) -m sandbox.checks --only imports

docs: setup-dev ## Write what in docs/ is made from the code
	@$(VENV_PYTHON) -m docs.generate

page: ## Build the table page and the dashboard from web/ (needs Node.js 20)
	@cd web && npm ci --no-audit --no-fund && npm run build

bench: setup-dev ## Throughput and memory on generated data
	@$(VENV_PYTHON) -m benchmarks $(BENCH)

lock: setup-dev ## Resolve the requirements into deploy/locks (needs uv): LOCK=--upgrade
	@$(VENV_PYTHON) -m deploy.lock $(LOCK)

setup-imaging: ## Install what images radio data: .venv-imaging and the system's WSClean
	@sh sandbox/setup.sh imaging .venv-imaging

env: ## Make the secrets that docker-compose.yaml needs, in .env
	@sh deploy/env.sh

setup:
	@sh sandbox/setup.sh sandbox

setup-dev:
	@sh sandbox/setup.sh dev
