# `make run` and `make test` set up what they need first; `make help` lists the rest.
# The environment is .venv. It is made by the first of python3.13, python3.12, python3.11 and
# python3 that TensorFlow has wheels for, or by PYTHON=...; it is brought up to date when
# requirements.txt or a pyproject.toml change.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
VERSION := import sys; print("%d.%d.%d" % sys.version_info[:3])
BASE := import sys; print(sys._base_executable)

# The kernels work in other folders, where a relative path would mean something else.
ifneq ($(CFLIB_DATA),)
export CFLIB_DATA := $(if $(filter /%,$(CFLIB_DATA)),$(CFLIB_DATA),$(CURDIR)/$(CFLIB_DATA))
endif

# An environment is made anew when there is no whole one, when the repository has moved (it holds
# absolute paths), and when PYTHON asks for another version than it was made with.
USABLE := $(shell [ "$$(cat $(READY) 2>/dev/null)" = "$(CURDIR)" ] \
  && made=$$($(BIN)/python -c '$(VERSION)' 2>/dev/null) \
  && { [ -z "$(PYTHON)" ] || [ "$$("$(PYTHON)" -c '$(VERSION)' 2>/dev/null)" = "$$made" ]; } \
  && echo yes)
ifneq ($(USABLE),yes)
.PHONY: $(READY)
endif

.PHONY: help run sweep test lint doctor notebooks exercises lab site slides handout grade app \
  screenshots fuzz bench-accuracy bench-published bench clean

help:  ## list the targets (the default)
	@sed -n 's/^\([a-z-]*\): .*## \(.*\)/make \1|\2/p' Makefile | awk -F'|' '{printf "%-21s%s\n", $$1, $$2}'

run: $(READY)  ## run the chapters into runs/default; ARGS="-p n_features 20" sets parameters
	@$(BIN)/python -m cflib run $(ARGS)

sweep: $(READY)  ## features x lambda, into runs/rank_lambda; ARGS=sweeps/solvers.yaml another one
	@$(BIN)/python -m cflib sweep $(or $(ARGS),sweeps/rank_lambda.yaml)

test: $(READY)  ## check the package, and every chapter against its stored outputs
	@$(BIN)/python -m pytest $(ARGS)

lint: $(READY)  ## check style, types and who imports whom
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet -r requirements-dev.txt
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

doctor: $(READY)  ## look whether everything is here that the course needs; say what to type
	@$(BIN)/python -m cflib doctor

notebooks: $(READY)  ## execute the committed chapters again, in place; ARGS=03_training only that one
	@$(BIN)/python -m cflib notebooks $(ARGS)
	@$(BIN)/python docs/pictures.py

exercises: $(READY)  ## make notebooks/exercises again from the solutions
	@$(BIN)/python -m cflib exercises

lab: $(READY)  ## open the first chapter in JupyterLab; ARGS=notebooks/03_training.ipynb another
	@$(BIN)/python -m jupyterlab --ServerApp.root_dir="$(CURDIR)" $(or $(ARGS),notebooks/00_first_look.ipynb)

site: $(READY)  ## write the course as a site into build/site, which needs no network
	@$(BIN)/python -m cflib site

slides: $(READY)  ## write slides of the chapters into build/slides, which need no network
	@$(BIN)/python -m course.slides

handout: $(READY)  ## write what students get, without solutions, into build/handout.zip
	@$(BIN)/python -m course.handout

grade: $(READY)  ## mark what students hand in, by hidden tests; ARGS=FOLDER, with STUDENT/03_training.ipynb
	@$(BIN)/python -m course.grading $(ARGS)

app: $(READY)  ## rate titles and see recommendations change, in a browser; ARGS=model.npz your model
	@$(BIN)/python -m cflib app $(ARGS)

screenshots: $(READY)  ## photograph the chapters and the panel in a browser, into docs/screenshots
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet -r requirements-browser.txt
	@$(BIN)/python -m docs.screenshots

fuzz: $(READY)  ## try random input for FUZZ_MINUTES (10), then kill commands at random moments
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet -r requirements-fuzz.txt
	@FUZZ_MINUTES=$(or $(FUZZ_MINUTES),10) $(BIN)/python -m pytest -q -s tests/fuzz/fuzz.py $(ARGS)
	@$(BIN)/python -m tests.fuzz.kills

bench-accuracy: $(READY)  ## compare errors and lists with the peers', on the same folds (hours)
	@$(BIN)/python -m benchmarks.accuracy tune
	@$(BIN)/python -m benchmarks.accuracy run
	@$(BIN)/python -m benchmarks.accuracy race
	@$(BIN)/python -m benchmarks.accuracy report

bench-published: $(READY)  ## our errors on the published splits of ml-100k, beside papers' numbers
	@$(BIN)/python -m benchmarks.published $(ARGS)

bench: $(READY)  ## time the solvers beside the peers, into benchmarks/results (an hour)
	@$(BIN)/python -m benchmarks $(or $(ARGS),all)

clean:  ## remove the environment and the caches; runs/ and data/ stay
	@rm -rf $(VENV) build *.egg-info course/*.egg-info .pytest_cache .ruff_cache
	@find cflib course tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): requirements.txt pyproject.toml course/pyproject.toml
	@set -e; rm -f $@; \
	if [ "$(USABLE)" != yes ]; then \
	    found=; seen=; \
	    for python in $(if $(PYTHON),"$(PYTHON)",python3.13 python3.12 python3.11 python3); do \
	        version=$$("$$python" -c '$(VERSION)' 2>/dev/null) || continue; \
	        if "$$python" -c '$(SUPPORTED)'; then found=$$("$$python" -c '$(BASE)'); break; fi; \
	        seen="$$seen; $$python here is $$version"; \
	    done; \
	    if [ -z "$$found" ]; then \
	        echo "cflib needs Python 3.11, 3.12 or 3.13, for which there is TensorFlow 2.21$${seen:-; no other was found}: name one by 'make PYTHON=/path/to/python ...'." >&2; \
	        exit 1; \
	    fi; \
	    echo "Making $(VENV) with $$found ($$version)"; \
	    "$$found" -m venv --clear $(VENV); \
	fi; \
	echo "Installing the pinned packages into $(VENV) (the first time, a minute or a few)"; \
	if [ -t 1 ]; then quiet=; else quiet=--quiet; fi; \
	$(BIN)/python -m pip install --disable-pip-version-check $$quiet -r requirements.txt; \
	$(BIN)/python -m pip uninstall --disable-pip-version-check --quiet --yes cflib 2>/dev/null; \
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e . -e ./course; \
	echo "Compiling the solvers, so that the first call does not have to"; \
	$(BIN)/python -c "from cflib import _kernels; _kernels.compile_all()"; \
	echo "$(CURDIR)" > $@
