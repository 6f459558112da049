# make run     set everything up and open the app;  make run TORCH=no  leaves torch out
#              make run ARGS="--scenario movie-review"  passes arguments on
#              make run EXTRAS="keras onnx"  also brings what reads Keras's files and ONNX
# make test    set everything up and run every check and test
# make fuzz    throw a hundred times as many damaged files at every reader (FUZZ=100), other ones each time
# make soak    open, step, train, edit, save and close 1,000 times (ROUNDS=1000) and see that nothing stays
# make bench   measure the speed against torch;  make weights  retrain the shipped weights
# make lint    style and types alone;  make format  let the formatter rewrite the files

TORCH ?= yes
EXTRAS ?=
ARGS ?=
TESTS ?=
FUZZ ?= 100
ROUNDS ?= 1000

PYTHON := .venv/bin/python
TORCH_EXTRA := $(if $(filter no No NO 0 false,$(TORCH)),,torch)
# One thread: two make small networks many times slower, and tests repeatable in time as well.
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1

.DEFAULT_GOAL := run
.PHONY: run venv test fuzz soak bench weights lint format clean

run:
	@.ci/setup.sh --screen $(TORCH_EXTRA) $(EXTRAS)
	@$(PYTHON) main.py $(ARGS)

venv:
	@.ci/setup.sh torch dev

test: lint
	$(ONE_THREAD) QT_QPA_PLATFORM=offscreen $(PYTHON) -m pytest -n 2 $(TESTS)

fuzz: venv
	FUZZ=$(FUZZ) $(ONE_THREAD) QT_QPA_PLATFORM=offscreen $(PYTHON) -m pytest -n 2 tests/fuzz $(ARGS)

soak: venv
	$(ONE_THREAD) QT_QPA_PLATFORM=offscreen MALLOC_ARENA_MAX=1 PYTHONPATH=.:tests/soak $(PYTHON) tests/soak/soak.py $(ROUNDS)

lint: venv
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy engine gui resources main.py

format: venv
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

bench: venv
	$(ONE_THREAD) QT_QPA_PLATFORM=offscreen $(PYTHON) -m pytest tests/benchmarks --benchmark-enable $(ARGS)

weights: venv
	$(ONE_THREAD) $(PYTHON) -m engine.tasks.train $(ARGS)

clean:
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
