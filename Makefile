# Run `make help` for the targets. Needs Swift 6.3, gcc, python3, git and Debian's apt;
# `make deps` installs the rest, and only what is missing.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

SWIFT ?= swift
# Debian's own python: its modules come from Debian's packages.
PYTHON := $(firstword $(wildcard /usr/bin/python3) python3)
# Of builds and runs of tests: failures whole, the rest counted.
SUMMARY = $(PYTHON) scripts/summary.py
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
APT := $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get

# The release build is static and apart from the debug build, so that neither rebuilds the other.
STATIC_DIR := .build-static
# Starting is quicker if generic types are not looked up by their names, and if what it calls lies side by
# side (scripts/order.py): docs/maintainers/performance.md.
ORDER := $(STATIC_DIR)/order.txt
STATIC_FLAGS := -c release --static-swift-stdlib -Xswiftc -Xfrontend \
  -Xswiftc -disable-concrete-type-metadata-mangled-name-accessors -Xswiftc -Xfrontend -Xswiftc -function-sections \
  -Xswiftc -static-executable -Xswiftc -use-ld=lld -Xlinker --symbol-ordering-file=$(CURDIR)/$(ORDER) \
  -Xlinker --no-warn-symbol-ordering --scratch-path $(STATIC_DIR)
BINARY := $(STATIC_DIR)/vfioplan
# What --version says of the commit, and the day that pages and packages bear.
COMMIT = $(shell git describe --always --dirty --abbrev=12 --match 'v*' 2>/dev/null)
DATE = $(or $(shell git log -1 --format=%cs 2>/dev/null),1980-01-01)
# Where `make install` puts it.
PREFIX ?= /usr/local
DESTDIR ?=
# Optimised tests, for what takes minutes even so.
EXHAUST_DIR := .build-exhaust

# Installs what a part of the tests needs, unless a command or a file is there; without it that part says
# what it leaves out.
define optional
@command -v $(1) >/dev/null || test -e $(1) || $(APT) install -y -q --no-install-recommends $(2) >/dev/null \
  || { $(APT) update -q && $(APT) install -y -q --no-install-recommends $(2) >/dev/null; } \
  || echo "no $(2): what needs it is skipped"
endef
# Builds a product of that kind, and leaves it without symbols in $(STATIC_DIR).
static = VFIOPLAN_COMMIT='$(COMMIT)' $(SUMMARY) $(SWIFT) build $(STATIC_FLAGS) --product $(1) \
  && strip -o $(STATIC_DIR)/$(1) $(STATIC_DIR)/release/$(1)
LIBVIRT := libvirt-daemon libvirt-daemon-driver-qemu libvirt-clients

SWIFT_FILES = $(shell git ls-files '*.swift')

# What enumerates worlds or sweeps over every step; `make test` runs it, `make check` doesn't.
SLOW := SmallWorldTests|WorldSimulationTests|FaultSweepTests|InAHundredRuns

.PHONY: help demo test check exhaust fuzz sysfs hostile emulate review release bench lab lab-deps conform conformer hello golden format lint \
  build deps building schemas install deb deb-check clean

help: ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /  make \1\t/' | expand -t 18

demo: release ## build, then run the main job on the simulator for two examples
	@scripts/demo.sh $(BINARY)

test: deps lab-deps lint schemas ## everything: dependencies, build, lint, schemas, all tests, README, fuzzing, real kernels
	@# Kernels that are not there yet are built meanwhile, at the lowest priority.
	setsid $(PYTHON) Tests/KernelLab/lab.py kernels & trap "kill -- -$$! 2>/dev/null || true" EXIT; \
	$(SUMMARY) $(SWIFT) build --build-tests; \
	$(SUMMARY) $(SWIFT) test --skip-build; \
	$(PYTHON) scripts/vmm.py .build/debug/vfioplan; \
	$(MAKE) fuzz FIXED=1; \
	$(MAKE) conformer release; \
	$(MAKE) sysfs hostile emulate review; \
	wait $$!
	@# Of the kernels that the lab can do without, those that `make lab` has made.
	$(MAKE) lab PRESENT=1 COUNT=$(or $(COUNT),20) FILTER='^(?!.* speed)'
	@echo "all tests passed"

check: deps lint ## the fast ones: build, lint, tests without the long enumerations
	$(SUMMARY) $(SWIFT) build --build-tests
	$(SUMMARY) $(SWIFT) test --skip-build --skip '$(SLOW)'

exhaust: deps ## the enumerations that take minutes, prints what was covered; ALL=1 for an hour of releases
	$(SUMMARY) $(SWIFT) build -c release --build-tests -Xswiftc -enable-testing --scratch-path $(EXHAUST_DIR)
	VFIOPLAN_EXHAUST=$(if $(ALL),all,1) $(SUMMARY) $(SWIFT) test -c release --skip-build -Xswiftc -enable-testing \
	  --scratch-path $(EXHAUST_DIR) --filter 'Exhaustive'

fuzz: deps ## hostile inputs for MINUTES=2 in all; TARGETS='vm plan' runs a part
	$(PYTHON) Tests/Fuzz/fuzz.py $(if $(FIXED),--fixed,--minutes $(or $(MINUTES),2)) $(if $(TARGETS),--only $(TARGETS))

sysfs: release ## laws of apply, restore and hooks on a fake /sys, as root; LAW=word runs a part
	$(call optional,libvirtd,$(LIBVIRT))
	$(call optional,qemu-system-x86_64,qemu-system-x86)
	$(PYTHON) Tests/FakeSysfs/laws.py $(BINARY) $(LAW)

hostile: release ## signals at every system call, hostile inputs and surroundings, as root; SEED=n, ONLY=word
	$(PYTHON) Tests/Hostile/hostile.py $(BINARY) $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only $(ONLY))

emulate: release conformer ## programs on simulated hosts: QEMUs, libvirt, guests, the kernel's tests, COUNT=500 generated ones; SEED=n, ONLY=word runs a part
	$(call optional,libvirtd,$(LIBVIRT))
	$(call optional,qemu-system-x86_64,qemu-system-x86)
	$(call optional,/usr/include/sys/capability.h,libcap-dev)
	$(call optional,/usr/include/uuid/uuid.h,uuid-dev)
	$(PYTHON) Tests/Emulate/emulate.py $(BINARY) $(if $(ONLY),--only $(ONLY))
	$(if $(filter-out generated,$(ONLY)),,$(PYTHON) Tests/Emulate/generated.py $(BINARY) \
	  $(if $(COUNT),--count $(COUNT)) $(if $(SEED),--seed $(SEED)))
	$(if $(ONLY),,$(PYTHON) Tests/Emulate/orders.py $(BINARY))
	$(if $(ONLY),,$(PYTHON) Tests/Emulate/itself.py $(BINARY))
	$(if $(ONLY),,$(PYTHON) Tests/Emulate/libvirt.py $(BINARY))
	$(if $(ONLY),,$(PYTHON) Tests/Emulate/boots.py $(BINARY))
	$(if $(ONLY),,$(PYTHON) Tests/Emulate/selftests.py $(BINARY))

review: release ## reviews as Markdown and HTML, in GitHub's Markdown, Mermaid and a browser
	$(call optional,chromium,chromium)
	$(call optional,cmark-gfm,cmark-gfm)
	$(PYTHON) Tests/Browser/review.py $(BINARY)

release: $(ORDER) ## a static binary, ./vfioplan
	$(call static,vfioplan)
	@$(PYTHON) scripts/order.py $(STATIC_DIR)/release/vfioplan $(ORDER) \
	  || echo "functions are not laid side by side: a start takes a tenth longer"
	@if test $(ORDER) -nt $(STATIC_DIR)/release/vfioplan; then \
	  rm $(STATIC_DIR)/release/vfioplan; $(call static,vfioplan); \
	fi
	@ln -sf $(BINARY) vfioplan
	@echo "built ./vfioplan ($$(stat -Lc %s vfioplan) bytes, static)"

# Empty before there is a program to look at.
$(ORDER): | building
	@mkdir -p $(STATIC_DIR)
	@: > $@

install: release ## the program, pages, completions, schemas, examples, units, hooks; PREFIX=/usr/local, DESTDIR=
	@$(PYTHON) scripts/install.py --binary $(BINARY) --destdir '$(DESTDIR)' --prefix '$(PREFIX)' --date $(DATE)

deb: release ## a Debian package below .build-static/deb, looked at by lintian
	@command -v lintian >/dev/null || $(APT) install -y -q --no-install-recommends lintian >/dev/null \
	  || { $(APT) update -q && $(APT) install -y -q --no-install-recommends lintian >/dev/null; }
	rm -rf $(STATIC_DIR)/deb
	$(PYTHON) scripts/deb.py --binary $(BINARY) --output $(STATIC_DIR)/deb --commit '$(COMMIT)' --date $(DATE)
	lintian --fail-on error $(STATIC_DIR)/deb/*.deb

deb-check: deb ## install, run and remove that package in fresh systems, as root; SUITES='bookworm trixie'
	@command -v debootstrap >/dev/null || $(APT) install -y -q --no-install-recommends debootstrap >/dev/null
	$(SUDO) $(PYTHON) scripts/deb_check.py $(STATIC_DIR)/deb/*.deb $(or $(SUITES),bookworm trixie)

bench: release hello ## the performance figures against their limits
	$(PYTHON) Benchmarks/run.py --binary $(BINARY) --hello $(STATIC_DIR)/Hello

lab: release conformer lab-deps ## real kernels under QEMU; FILTER='7.3 intel' runs a part, RECORD=1 writes docs/maintainers/lab-results.md
	$(PYTHON) Tests/KernelLab/lab.py run --program $(BINARY) $(if $(COUNT),--count $(COUNT)) \
	  $(if $(SEED),--seed $(SEED)) $(if $(RECORD),--record) $(if $(PRESENT),--present) \
	  '$(or $(FILTER),^(?!.* conform))'

conform: release conformer ## generated programs of calls under emulate and on every kernel; COUNT=n, 8 programs each a machine; SEED=n, FILTER='^7.2'
	$(PYTHON) Tests/Emulate/generated.py $(BINARY) --count 20000 $(if $(SEED),--seed $(SEED)) --only '$(FILTER)'
	$(MAKE) lab FILTER='$(if $(FILTER),$(FILTER).*) conform$$'

# What runs such programs on the simulator, beside the release's program.
conformer: deps $(ORDER)
	$(call static,Conform)

# What starting is measured against.
hello: $(ORDER)
	$(call static,Hello)

lab-deps:
	@missing="$$($(PYTHON) Tests/KernelLab/lab.py deps)"; \
	if test -n "$$missing"; then \
	  echo "installing: $$missing"; \
	  $(APT) install -y -q --no-install-recommends $$missing \
	    || { $(APT) update -q && $(APT) install -y -q --no-install-recommends $$missing; }; \
	fi

golden: deps ## rewrite Tests/Fixtures and the README from what the tool says now; review the diff
	VFIOPLAN_RECORD=1 $(SUMMARY) $(SWIFT) test --filter "GoldenTests|ReadmeTests|CatalogueTests|HostTests" || true
	git status --short Tests/Fixtures README.md

format: ## format all Swift files in place
	@$(SWIFT) format -i $(SWIFT_FILES)

lint: ## check the format of all Swift files
	@$(SWIFT) format lint --strict --parallel $(SWIFT_FILES)

build: deps ## a debug build with its tests
	$(SUMMARY) $(SWIFT) build --build-tests

schemas: deps ## check the examples and docs/reference.md against schemas/
	$(PYTHON) scripts/validate.py --examples
	$(PYTHON) scripts/reference.py --check

# What a build alone needs.
building:
	@missing=""; \
	test -e /usr/include/yaml.h || missing+=" libyaml-dev"; \
	test -e /usr/include/expat.h || missing+=" libexpat1-dev"; \
	command -v pkg-config >/dev/null || missing+=" pkg-config"; \
	if test -n "$$missing"; then \
	  echo "installing:$$missing"; \
	  $(APT) install -y -q $$missing || { $(APT) update -q && $(APT) install -y -q $$missing; }; \
	fi

deps: building ## install what is missing (Debian packages)
	@missing=""; \
	command -v xmllint >/dev/null || missing+=" libxml2-utils"; \
	$(PYTHON) -c 'import yaml' 2>/dev/null || missing+=" python3-yaml"; \
	$(PYTHON) -c 'import jsonschema' 2>/dev/null || missing+=" python3-jsonschema"; \
	if test -n "$$missing"; then \
	  echo "installing:$$missing"; \
	  $(APT) install -y -q $$missing || { $(APT) update -q && $(APT) install -y -q $$missing; }; \
	fi

clean: ## remove what was built
	rm -rf .build .build-fuzz $(STATIC_DIR) $(EXHAUST_DIR) vfioplan Benchmarks/build
