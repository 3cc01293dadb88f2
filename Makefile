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
.PHONY: help setup demo test test-slow test-long format data fuzz-rtl rtl-mnist rtl-general bitstream link learning fuzz-learning fuzz-link record-mnist results-page picture train-mnist train-checkerboard train-deep train-exponential train-yinyang clean

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

test: $(STAMP) ## formatter, linter, type checker, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n $(JOBS) $(ARGS)

test-slow: $(STAMP) ## the tests that take minutes
	$(BIN)/python -m pytest -m slow $(ARGS)

test-long: $(STAMP) ## more seeds, and whole boards with planted faults: six minutes
	$(BIN)/python -m pytest -m long -n $(JOBS) $(ARGS)

format: $(STAMP) ## format and repair what the linter can repair
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

data: $(STAMP) ## fetch grey-level MNIST into data/mnist and verify it
	$(BIN)/python scripts/get_mnist.py

record-mnist: $(STAMP) ## measure the networks under examples/ on their test splits, into benchmarks/results/mnist.json
	@mkdir -p build
	for net in examples/*.nir; do \
	    name=$$(basename $$net .nir); data=$${name%%-*}; \
	    $(BIN)/firstspike compile $$net -o build/$$name --force && \
	    $(BIN)/python benchmarks/record.py mnist --seed 1 -- $(BIN)/firstspike simulate build/$$name --data $$data:test --json || exit 1; \
	done

fuzz-rtl: $(STAMP) ## random networks, gateware against model: make fuzz-rtl N=100 SEED=0
	$(BIN)/python scripts/fuzz_rtl.py --networks $(N) --seed $(SEED) --record build/fuzz-rtl.txt $(ARGS)

rtl-mnist: $(STAMP) ## the 10,000 MNIST test digits through the gateware at T = 16 and 256, into benchmarks/results/mnist.json
	@mkdir -p build
	for steps in 16 256; do \
	    $(BIN)/firstspike compile examples/mnist-784-600-10.nir -o build/rtl-$$steps --steps $$steps --force && \
	    $(BIN)/python benchmarks/record.py mnist --seed 1 --set label=rtl-$$steps -- \
	        $(BIN)/firstspike simulate build/rtl-$$steps --level rtl --data mnist:test --json || exit 1; \
	done

rtl-general: $(STAMP) ## Yin-Yang, two hidden layers and delays through the general core, recorded likewise
	@mkdir -p build
	$(BIN)/python scripts/add_delays.py examples/yinyang-4-120-3.nir -o build/yinyang-delays-4-120-3.nir --force
	for net in examples/yinyang-4-120-3.nir examples/mnist-deep-784-128-64-10.nir build/yinyang-delays-4-120-3.nir; do \
	    name=$$(basename $$net .nir); data=$${name%%-*}; \
	    $(BIN)/firstspike compile $$net -o build/rtl-$$name --force && \
	    $(BIN)/python benchmarks/record.py mnist --seed 1 --set label=rtl-general -- \
	        $(BIN)/firstspike simulate build/rtl-$$name --level rtl --core general --data $$data:test --limit 1000 --json || exit 1; \
	done

# The gateware that was routed runs the 10,000 test digits too. A core that was routed before is not routed again.
bitstream: $(STAMP) ## place and route (hours), bitstreams, their figures into benchmarks/results/silicon.json
	@mkdir -p build
	for made in fast:mnist-784-600-10: wide:mnist-checkerboard-784-600-10:--kept-only; do \
	    core=$${made%%:*}; rest=$${made#*:}; net=$${rest%%:*}; how=$${rest#*:}; \
	    $(BIN)/firstspike compile examples/$$net.nir -o build/silicon-$$core --steps 16 --force && \
	    $(BIN)/python benchmarks/record.py silicon --set label=$$core -- \
	        $(BIN)/python benchmarks/silicon_figures.py build/silicon-$$core --core $$core --data mnist:test $$how || exit 1; \
	done
	$(BIN)/firstspike compile examples/yinyang-4-120-3.nir -o build/silicon-tiny --force
	for target in ulx3s-85f ecpix5-85f icepi-zero; do \
	    $(BIN)/python benchmarks/record.py silicon --set label=tiny-$$target -- \
	        $(BIN)/python benchmarks/silicon_figures.py build/silicon-tiny --core tiny --target $$target --data yinyang:test || exit 1; \
	done
	$(BIN)/firstspike compile examples/mnist-784-600-10.nir -o build/silicon-learning --steps 32 --force
	$(BIN)/python benchmarks/record.py silicon --seed 1 --set label=learning --set kernel=linear -- \
	    $(BIN)/python benchmarks/silicon_figures.py build/silicon-learning --core learning
	$(BIN)/firstspike compile examples/mnist-exponential-784-600-10.nir -o build/silicon-exponential --steps 16 --force
	for kernel in step alpha lif-2to1; do \
	    $(BIN)/python scripts/random_network.py $$kernel -o build/random-$$kernel.nir --force && \
	    $(BIN)/firstspike compile build/random-$$kernel.nir -o build/silicon-$${kernel%-*} --force || exit 1; \
	done
	for kernel in exponential step alpha lif-2to1; do \
	    core=$${kernel%-*}; \
	    $(BIN)/python benchmarks/record.py silicon --set label=$$core --set kernel=$$kernel -- \
	        $(BIN)/python benchmarks/silicon_figures.py build/silicon-$$core --core $$core || exit 1; \
	done
	for kernel in linear exponential step alpha lif-2to1; do \
	    $(BIN)/python benchmarks/record.py silicon --set label=fuzz-$$kernel -- \
	        $(BIN)/python scripts/fuzz_rtl.py --networks 200 --seed 7000 --kernel $$kernel --json || exit 1; \
	done

link: $(STAMP) ## the serial link, into benchmarks/results/link.json: speed, 220,000 images over bad lines, a whole upload in RTL
	@mkdir -p build
	$(BIN)/firstspike compile examples/mnist-784-600-10.nir -o build/link --force
	$(BIN)/python benchmarks/record.py link --set label=unthrottled -- $(BIN)/python benchmarks/with_board.py -- \
	    $(BIN)/firstspike bench build/link --board {board} --json
	$(BIN)/python benchmarks/record.py link --set label=12-mbaud -- $(BIN)/python benchmarks/with_board.py --baudrate 12000000 --pace -- \
	    $(BIN)/firstspike bench build/link --board {board} --json
	for fault in none flip-1e-5 flip-1e-4 drop double reorder truncate stall disconnect reset all; do \
	    $(BIN)/python benchmarks/record.py link --seed 1 --set label=fault-$$fault -- \
	        $(BIN)/python benchmarks/link_faults.py build/link $$fault --images 20000 --seed 1 || exit 1; \
	    $(BIN)/python benchmarks/record.py link --seed 1 --set label=rtl-fault-$$fault -- \
	        $(BIN)/python benchmarks/link_faults.py build/link $$fault --images 300 --seed 1 --backend rtl || exit 1; \
	done
	$(BIN)/python benchmarks/record.py link --set label=rtl-upload -- $(BIN)/python benchmarks/link_upload.py build/link --images 100

learning: $(STAMP) ## learning on chip by the model and through the gateware, into benchmarks/results/learning.json, and placed and routed: an hour
	@mkdir -p build/learning
	for seed in 1 2 3; do for start in scratch scratch-strong scratch-shifts all-inputs shuffled20 shuffled20-x5 rotated15 rotated15-x5 permuted nine new-class new-class-x5; do \
	    $(BIN)/python benchmarks/record.py learning --seed $$seed --set label=$$start-$$seed -- \
	        $(BIN)/python benchmarks/learning.py $$start --seed $$seed || exit 1; \
	done; done
	$(BIN)/python benchmarks/record.py learning --seed 1 --set label=scratch-shifts-margin-31 --set start='scratch-shifts, margin 31' -- \
	    $(BIN)/python benchmarks/learning.py scratch-shifts --seed 1 --margin 31
	for start in scratch rotated15; do \
	    $(BIN)/python benchmarks/record.py learning --seed 1 --set label=rtl-$$start -- \
	        $(BIN)/python benchmarks/learning_rtl.py build/learning/$$start-1-start --images 2000 || exit 1; \
	done
	$(BIN)/python benchmarks/record.py learning --seed 1 --set label=logic -- $(BIN)/python benchmarks/learning_logic.py --lanes 64
	$(BIN)/python benchmarks/learning_picture.py

fuzz-learning: $(STAMP) ## random networks that learn, gateware against model: make fuzz-learning N=200 SEED=0
	$(BIN)/python scripts/fuzz_rtl.py --learning --layers 2 4 --networks $(N) --seed $(SEED) --record build/fuzz-learning.txt $(ARGS)

fuzz-link: $(STAMP) ## coverage-guided fuzzing of both decoders, a minute each: make fuzz-link SECONDS=600
	$(BIN)/python scripts/fuzz_link.py board --seconds $(SECONDS) --seed $(SEED)
	$(BIN)/python scripts/fuzz_link.py host --seconds $(SECONDS) --seed $(SEED)

results-page: $(STAMP) ## write docs/results.md and the figures of README.md from benchmarks/results
	$(BIN)/python benchmarks/results_page.py

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
