# make demo   install into .venv, rate the sample month, write out/demo
# make test   install what the tests need, check and test everything
# make bench  measure one month; bench-scaling: up to 50 million CDRs; bench-small: small jobs;
#             bench-simulate: forty alternatives; bench-admission: the gateway's decisions
# make soak   the long tests
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Tests at a time, by file: those of the gateway mostly wait.
WORKERS ?= 3
# pip compiles what it copies; a checkout is compiled here, or PYTHONDONTWRITEBYTECODE costs 0.1 s at each start.
COMPILE = @$(BIN)/python -m compileall -q rating sipgw

.PHONY: demo test lint bench bench-scaling bench-small bench-simulate bench-admission soak docs golden samples clean

demo: $(VENV)/.base
	@$(BIN)/trunkrate rate cdr_samples/demo/cdrs --accounts cdr_samples/demo/accounts.yaml \
	  --tariffs contract --month 2026-10 --out out/demo --csv --force; \
	  status=$$?; test $$status -le 1 || exit $$status

test: $(VENV)/.test $(VENV)/.debian lint
	$(BIN)/pytest -q -rs -n $(WORKERS) --dist loadfile

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.bench
	$(BIN)/python bench/run.py --write

bench-scaling: $(VENV)/.bench
	$(BIN)/python bench/scaling.py --write

bench-small: $(VENV)/.bench
	$(BIN)/python bench/small.py --write

bench-simulate: $(VENV)/.bench
	$(BIN)/python bench/simulate.py --write

bench-admission: $(VENV)/.bench
	$(BIN)/python bench/admission.py --write

soak: $(VENV)/.test
	HYPOTHESIS_PROFILE=soak $(BIN)/pytest -q tests/test_properties.py tests/test_streaming.py tests/test_bad_input.py \
	  tests/sipgw/messages/test_message_fuzz.py \
	  tests/sipgw/test_spool_kill.py tests/sipgw/test_gateway_any_order.py \
	  tests/sipgw/pjsua/test_many_in_a_row.py tests/sipgw/pjsua/test_storms.py tests/sipgw/pjsua/test_connections.py

docs: $(VENV)/.test
	$(BIN)/python docs/make.py

golden: $(VENV)/.test
	$(BIN)/python tests/golden/make.py

samples: $(VENV)/.test
	$(BIN)/python cdr_samples/make_demo.py
	$(BIN)/python tariffs/sources/make_contract_deck.py

# Servers and SIP telephones that tests start for themselves, on ports of their own; a clock that runs faster.
$(VENV)/.debian: $(BIN)/python Makefile
	@MISSING=; PATH="$$PATH:/usr/sbin"; \
	ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || MISSING="postgresql"; \
	command -v sipp >/dev/null || MISSING="$$MISSING sip-tester"; \
	command -v kamailio >/dev/null || MISSING="$$MISSING kamailio"; \
	ls /usr/lib/*/kamailio/modules/tls.so >/dev/null 2>&1 || MISSING="$$MISSING kamailio-tls-modules"; \
	command -v baresip >/dev/null || MISSING="$$MISSING baresip-core"; \
	command -v faketime >/dev/null || MISSING="$$MISSING faketime"; \
	[ -z "$$MISSING" ] || { \
	  echo "installing $$MISSING"; \
	  if [ "$$(id -u)" = 0 ]; then AS=; else AS=sudo; fi; \
	  $$AS apt-get update -qq && $$AS env DEBIAN_FRONTEND=noninteractive \
	    apt-get install -qq -y --no-install-recommends $$MISSING >/dev/null; }
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null || { echo "PostgreSQL's initdb is missing"; exit 1; }
	@command -v sipp >/dev/null || { echo "SIPp (Debian: sip-tester) is missing"; exit 1; }
	@PATH="$$PATH:/usr/sbin"; command -v kamailio >/dev/null && ls /usr/lib/*/kamailio/modules/tls.so >/dev/null \
	  || { echo "Kamailio (Debian: kamailio, kamailio-tls-modules) is missing"; exit 1; }
	@command -v baresip >/dev/null || { echo "baresip (Debian: baresip-core) is missing"; exit 1; }
	@command -v faketime >/dev/null || { echo "faketime is missing"; exit 1; }
	@touch $@

clean:
	rm -rf $(VENV) out build *.egg-info

# A venv needs ensurepip, which Debian ships apart from Python.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "trunkrate needs Python 3.11 or newer: make PYTHON=python3.11 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
	  echo "installing python3-venv"; \
	  if [ "$$(id -u)" = 0 ]; then apt-get update -qq && apt-get install -qq -y python3-venv; \
	  else sudo apt-get update -qq && sudo apt-get install -qq -y python3-venv; fi; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.base: $(BIN)/python setup.cfg pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check -e .
	$(COMPILE)
	@touch $@

$(VENV)/.test: $(BIN)/python setup.cfg pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[test]'
	$(COMPILE)
	@touch $@

$(VENV)/.bench: $(BIN)/python setup.cfg pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[bench]'
	@touch $@
