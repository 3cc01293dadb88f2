# firstspike: every command of the project. `make` lists them.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.setup
# Worker processes of the test command.
JOBS   ?= 2
# More arguments for pytest or for a training, for example: make test ARGS='-k encoders'
ARGS   ?=
# Networks and first seed of the fuzzer.
N      ?= 1000
SEED   ?= 0
# Of each target of the link fuzzer.
SECONDS ?= 60

.DEFAULT_GOAL := help
.PHONY: help setup demo lint test test-contract test-units test-rtl test-host test-slow test-long format data fuzz-rtl rtl-mnist rtl-general bitstream link learning fuzz-learning fuzz-link record-mnist results-page picture train-mnist train-checkerboard train-deep train-exponential train-yinyang clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-20s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## make .venv with the package (editable) and its development tools

# Made anew only when pyproject.toml has changed: running it twice costs nothing.
$(STAMP): pyproject.toml requirements-benches.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "error: firstspike needs Python >= 3.11, $(PYTHON) is " + sys.version.split()[0] + "; name another one: make PYTHON=python3.12")'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "error: $(PYTHON) cannot make virtual environments; on Debian: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --editable '.[dev]'
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps -r requirements-benches.txt
	@touch $@

demo: $(STAMP) ## compile the shipped network and classify the 10,000 MNIST test digits
	$(BIN)/firstspike demo

# The tiers of the tests, cheap first. Each is a command of its own; a test belongs to the tier of its folder.
PYTEST         := $(BIN)/python -m pytest --durations=10
CONTRACT_TESTS := tests/contract tests/test_house.py tests/test_models.py tests/test_prose.py tests/test_tests.py
UNIT_TESTS     := tests/compiler tests/sim/model tests/sim/oracles tests/benchmarks tests/test_packaging.py tests/test_readme.py
RTL_TESTS      := tests/hw tests/sim/rtl
HOST_TESTS     := tests/host

test: lint test-contract test-units test-rtl test-host ## every tier but the slow ones, cheap ones first

lint: $(STAMP) ## tier 1: formatter, linter, type checker
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

test-contract: $(STAMP) ## tier 2: the integer contract, and the rules of the house
	$(PYTEST) $(CONTRACT_TESTS) $(ARGS)

test-units: $(STAMP) ## tier 3: compiler, fast model, benchmarks, packaging, README
	$(PYTEST) -n $(JOBS) $(UNIT_TESTS) $(ARGS)

test-rtl: $(STAMP) ## tier 4: the gateware in simulators, its planted faults, its proofs
	$(PYTEST) -n $(JOBS) $(RTL_TESTS) $(ARGS)

test-host: $(STAMP) ## tier 5: links, boards, virtual boards, the command line
	$(PYTEST) -n $(JOBS) $(HOST_TESTS) $(ARGS)

test-slow: $(STAMP) ## tier 6: place and route, whole boards over bad lines, virtual environments
	$(PYTEST) -m slow -n $(JOBS) --dist loadfile $(ARGS)

test-long: $(STAMP) ## tier 7, not in CI: more seeds, and whole boards with planted faults
	$(PYTEST) -m long -n $(JOBS) $(ARGS)

format: $(STAMP) ## format and repair what the linter can repair
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

data: $(STAMP) ## fetch grey-level MNIST into data/mnist and verify it
	$(BIN)/python scripts/get_mnist.py

# The measurements are the rows of benchmarks/table.py; one row alone: .venv/bin/python benchmarks/run.py link --only NAME
record-mnist: $(STAMP) ## measure the networks under examples/ on their test splits, into benchmarks/results/mnist.json
	$(BIN)/python benchmarks/run.py mnist --only 'model-*'

fuzz-rtl: $(STAMP) ## random networks, gateware against model: make fuzz-rtl N=100 SEED=0
	$(BIN)/python benchmarks/measure.py fuzz_rtl --networks $(N) --seed $(SEED) --record build/fuzz-rtl.txt $(ARGS)

rtl-mnist: $(STAMP) ## the 10,000 MNIST test digits in the gateware at T = 16 and 256, into benchmarks/results/mnist.json
	$(BIN)/python benchmarks/run.py mnist --only 'rtl-*'

rtl-general: $(STAMP) ## Yin-Yang, two hidden layers and delays in the general core, into benchmarks/results/mnist.json
	$(BIN)/python benchmarks/run.py mnist --only 'general-*'

bitstream: $(STAMP) ## place and route every core (hours), bitstreams, into benchmarks/results/silicon.json
	$(BIN)/python benchmarks/run.py silicon

link: $(STAMP) ## speed of the serial link, images over bad lines, an upload in RTL, into benchmarks/results/link.json
	$(BIN)/python benchmarks/run.py link

learning: $(STAMP) ## learning on chip in model and gateware, place and route (an hour), into benchmarks/results/learning.json
	$(BIN)/python benchmarks/run.py learning

fuzz-learning: $(STAMP) ## random networks that learn, gateware against model: make fuzz-learning N=200 SEED=0
	$(BIN)/python benchmarks/measure.py fuzz_rtl --learning --layers 2 4 --networks $(N) --seed $(SEED) --record build/fuzz-learning.txt $(ARGS)

fuzz-link: $(STAMP) ## coverage-guided fuzzing of both decoders, a minute each: make fuzz-link SECONDS=600
	$(BIN)/python scripts/fuzz_link.py board --seconds $(SECONDS) --seed $(SEED)
	$(BIN)/python scripts/fuzz_link.py host --seconds $(SECONDS) --seed $(SEED)

results-page: $(STAMP) ## write docs/results.md, its pictures and the figures of README.md from benchmarks/results
	$(BIN)/python benchmarks/publish.py

picture: demo ## run the demo and keep its picture as docs/decision.png
	cp build/demo.png docs/decision.png

# What ships under examples/ came out of these. A finished file is never overwritten: say ARGS=--force.
train-mnist: $(STAMP) ## train examples/mnist-784-600-10.nir
	$(BIN)/firstspike train mnist -o examples/mnist-784-600-10.nir $(ARGS)

train-checkerboard: $(STAMP) ## train the same network on half of the pixels
	$(BIN)/firstspike train mnist --mask checkerboard -o examples/mnist-checkerboard-784-600-10.nir $(ARGS)

train-deep: $(STAMP) ## train a network with two hidden layers
	$(BIN)/firstspike train mnist-deep -o examples/mnist-deep-784-128-64-10.nir $(ARGS)

train-exponential: $(STAMP) ## train a network in Mostafa's own setting
	$(BIN)/firstspike train mnist-exponential -o examples/mnist-exponential-784-600-10.nir $(ARGS)

train-yinyang: $(STAMP) ## train examples/yinyang-4-120-3.nir
	$(BIN)/firstspike train yinyang -o examples/yinyang-4-120-3.nir $(ARGS)

clean: ## remove what was built (not .venv, not data)
	rm -rf build dist
