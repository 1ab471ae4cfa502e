# Everything sets itself up: `make demo` and `make test` work on a fresh clone.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3)
BIN := .venv/bin
IMAGE ?= localhost/rdeepnet:cpu
STAMP := .venv/.installed
PEERS := dcmtk orthanc orthanc-dicomweb dicom3tools poppler-utils fonts-wqy-microhei postgresql podman runc netavark iptables catatonit mmdebstrap chromium prometheus haproxy
PEER_PROGRAMS := storescu Orthanc dciodvfy pdftoppm pg_lsclusters podman runc iptables catatonit mmdebstrap chromium promtool haproxy

export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: help venv demo test lint format peers bench fuzz docs pictures packages conformance constraints clean sbom audit licences manifests image image-test image-requirements

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

venv: $(STAMP)  ## The virtual environment .venv with pinned versions

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python $$($(PYTHON) -V 2>&1 | cut -d" " -f2) was found; 3.11 or newer is needed: make PYTHON=python3.11 …"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt pip setuptools wheel numpy
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[cpu,dev]'
	@# The reference engine is a source distribution that needs numpy and a C compiler at build time.
	$(BIN)/pip install --quiet --constraint constraints.txt --no-build-isolation 'pyradiomics==3.0.1' \
		|| echo "PyRadiomics was not installed (a C compiler and Python's headers are needed): its comparisons will be skipped."
	@echo "Compiling the kernels once, so that the first study does not wait for it …"
	$(BIN)/python -c "from models.features.own import warm_up; warm_up()"
	@touch $(STAMP)

demo: $(STAMP)  ## Send a synthetic study through the running service and receive SR and PDF
	$(BIN)/rdeepnet demo

test: $(STAMP) peers  ## All tests except those that need a GPU
	@# Two files at a time: a file's fixtures (studies, archive, database) are made once, by the worker that runs it.
	@# In the order of tests/conftest.py: by the number of tests, pytest-xdist would begin the longest files last.
	$(BIN)/python -m tests.suite -m "not gpu" -n 2 --dist loadfile --no-loadscope-reorder --cov --cov-report=term:skip-covered $(ARGS)

lint: $(STAMP)  ## ruff and strict mypy
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(STAMP)  ## Format, and fix what can be fixed automatically
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

peers:  ## Install the Debian programs that the tests talk to (skipped where they cannot be installed)
	@missing=""; for program in $(PEER_PROGRAMS); do \
		PATH="$$PATH:/usr/sbin" command -v $$program >/dev/null || missing="$$missing $$program"; done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	echo "Test peers that are not installed:$$missing"; \
	if ! command -v apt-get >/dev/null; then echo "No apt-get here: tests marked 'peers' will be skipped."; exit 0; fi; \
	if [ "$$(id -u)" = 0 ]; then sudo=""; elif sudo -n true 2>/dev/null; then sudo="sudo"; else \
		echo "Install them with: sudo apt-get install $(PEERS)"; echo "Until then tests marked 'peers' are skipped."; exit 0; fi; \
	echo "Installing Debian packages: $(PEERS)"; \
	$$sudo apt-get update -qq && $$sudo env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
		apt-get install -y -qq --no-install-recommends $(PEERS) >/dev/null \
		|| echo "They could not be installed: tests marked 'peers' will be skipped."

image: $(STAMP)  ## The container image localhost/rdeepnet:cpu (FLAVOUR=gpu for the other); see appliance/deploy/container/
	PYTHON=$(BIN)/python sh appliance/deploy/container/build.sh

image-test: $(STAMP) peers  ## Build the image and run it: hardened, main job, stopped, killed, started again
	$(BIN)/pytest tests/container tests/appliance/deploy/test_pod.py -s $(ARGS)

image-requirements: $(STAMP)  ## Renew the hashed requirements of the image, as pip resolves them here
	$(BIN)/python appliance/deploy/container/lock.py build
	$(BIN)/python appliance/deploy/container/lock.py cpu
	@# Only the CPU's PyTorch may be in a folder that pip is told to look into.
	PIP_FIND_LINKS= PIP_CONFIG_FILE=/dev/null $(BIN)/python appliance/deploy/container/lock.py gpu

bench: $(STAMP)  ## Speed and memory against PyRadiomics and SimpleITK; writes tests/benchmarks/RESULTS.md
	$(BIN)/python -m tests.benchmarks

fuzz: $(STAMP)  ## 10,000 mutated files of every kind within the budgets of [limits]; writes docs/explanation/damaged-input.md
	$(BIN)/python -m tests.fuzz $(ARGS)

docs: $(STAMP)  ## The documentation as a site in build/docs; any warning fails it
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going --builder html docs build/docs
	@echo "Open build/docs/index.html"

pictures: $(STAMP)  ## Renew the output and pictures of tutorial and README
	$(BIN)/python -m tests.docs.renew

packages: $(STAMP)  ## Rebuild the demonstration packages
	$(BIN)/rdeepnet models make-demonstration --out models/packages

sbom: $(STAMP)  ## The bill of materials, CycloneDX JSON, in build/; with Debian's packages of IMAGE where it is built
	@mkdir -p build && rm -f build/dpkg-status
	@engine=$$(command -v podman || command -v docker || true); \
	if [ -n "$$engine" ] && $$engine image inspect $(IMAGE) >/dev/null 2>&1; then \
		made=$$($$engine create $(IMAGE)) && $$engine cp "$$made:/var/lib/dpkg/status" build/dpkg-status; $$engine rm "$$made" >/dev/null; fi
	$(BIN)/python -m appliance.deploy.sbom build/sbom.cdx.json $$(find build -name dpkg-status -size +0)

audit: $(STAMP)  ## Known vulnerabilities of the image's Python packages; says "not audited" where nobody can be asked
	$(BIN)/python -m appliance.deploy.audit $(ARGS)

licences: $(STAMP)  ## Licences of the image's Python packages; fails on GPL and on licences that nobody has reviewed
	$(BIN)/python -m appliance.deploy.licences

manifests: $(STAMP)  ## Regenerate appliance/deploy/map/ (MONAI Application Package) from the code
	$(BIN)/rdeepnet map manifests --out appliance/deploy/map

conformance: $(STAMP)  ## Regenerate dicom_io/CONFORMANCE.md from the code
	$(BIN)/rdeepnet config conformance --config appliance/rdeepnet.example.toml > .conformance.md
	mv .conformance.md dicom_io/CONFORMANCE.md

constraints: $(STAMP)  ## Pin the installed versions
	@{ echo "# Versions the tests ran with: pip install -c constraints.txt. Renewed with make constraints."; \
	$(BIN)/pip freeze --all --exclude-editable | sed 's/+cpu//'; } > constraints.txt

.PHONY: faults soak
faults: $(STAMP)  ## Kill, starve and attack the running service (hours); writes docs/reference/faults.md. ARGS="--only Disk --repeat 1"
	$(BIN)/python -m tests.faults $(ARGS); status=$$?; \
	$(BIN)/python -m tests.faults --table docs/reference/faults.md; exit $$status

soak: $(STAMP)  ## 20,000 instances over 2,000 associations: memory and descriptors of the service stay as they are
	$(BIN)/python -m tests.faults --only Soak $(ARGS)

clean:  ## Remove all generated files
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage build demo-output *.egg-info
