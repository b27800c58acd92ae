# Go, make and git are enough, without root: the tools are Go modules. The help texts of image, image-test, node-test and dist name
# what else these need. `make help` lists the targets.
SHELL         := bash
.SHELLFLAGS   := -euo pipefail -c
.DEFAULT_GOAL := build
.DELETE_ON_ERROR:
MAKEFLAGS     += --no-print-directory

BIN     := .cache/bin
CHART   := deploy/mijn-host-webhook
IMAGE   ?= ghcr.io/mijn-host-webhook/cert-manager-webhook-mijn-host:$(VERSION)
MODULES := $(dir $(wildcard go.mod test/*/go.mod test/tools/*/go.mod))
LINTED  := $(filter-out test/tools/%,$(MODULES))

# The output of --version. The date is the commit's, so that builds are reproducible.
VERSION ?= $(or $(shell git describe --tags --dirty 2>/dev/null),v0.0.0-dev)
COMMIT  ?= $(or $(shell git rev-parse --verify --quiet HEAD),unknown)
DATE    ?= $(or $(shell TZ=UTC0 git log -1 --date=format-local:%Y-%m-%dT%H:%M:%SZ --format=%cd 2>/dev/null),unknown)
LDFLAGS  = -s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT) -X main.date=$(DATE)

# Builds, tests and linters use the same flags, so that Go compiles shared packages once. The Dockerfile and test/e2e read them
# here. Without grpcnotrace, the webhook is a quarter larger (TestBinarySize). Without -vet=off, go test analyses every dependency;
# make lint vets the code.
export CGO_ENABLED := 0
export GOFLAGS     := -trimpath -buildvcs=false -tags=grpcnotrace -gcflags=all=-dwarf=false -vet=off

# Only the race detector needs a C compiler. Go enables cgo if it finds one.
RACE := $(filter 1,$(shell env -u CGO_ENABLED go env CGO_ENABLED))

# $(call go-build,MODULE,LDFLAGS,OUTPUT,PACKAGES). Go links in GOTMPDIR and renames, so that concurrent makes never see a partial
# binary. It skips what is up to date. With this GOGC the compiler collects less garbage and takes 25% less time.
go-build = mkdir -p .cache/tmp $(dir $(3)) && \
	GOGC=400 GOTMPDIR=$(CURDIR)/.cache/tmp go build -C $(1) -ldflags="$(2)" -o $(CURDIR)/$(3) $(4)

# $(call in-each,MODULES,COMMAND) continues after a failure, to show all failures.
in-each = failed=; $(foreach m,$(1),(cd $(m) && $(2)) || failed="$$failed $(m)";) \
	test -z "$$failed" || { echo "$@: failed in$$failed" >&2; exit 1; }

##@ Build

.PHONY: build
build: ## build bin/webhook
	@$(call go-build,.,$(LDFLAGS),bin/webhook,.)

.PHONY: demo
demo: control-plane ## issue a certificate on a local control plane (KEEP=1 keeps it running)
	@$(call go-build,test/e2e,-s -w,$(BIN)/demo,./cmd/demo) && cd test/e2e && exec $(CURDIR)/$(BIN)/demo $(if $(KEEP),--keep)

.PHONY: clean
clean: ## remove build output (Go's caches stay)
	rm -rf bin dist .cache

##@ Test

# e2e runs alone. Beside compilers, its clusters run for longer, and use more CPU.
.PHONY: test
test: control-plane ## run all checks required before merging
	@$(MAKE) -j --output-sync=target tidy-check lint unit kill chart docs observability
	@$(MAKE) e2e

.PHONY: tidy-check
tidy-check: ## check that go.mod and go.sum are tidy (fix: make fmt)
	@$(call in-each,$(MODULES),go mod tidy -diff >/dev/null)

# golangci-lint includes `gofmt -d` and `go vet`. It does not search string literals, so grep does.
# With this GOGC, golangci-lint takes a third less time; GOMEMLIMIT bounds its memory. actionlint ignores an installed shellcheck,
# so that the result is the same on every machine.
golangci-lint = env GOGC=400 GOMEMLIMIT=6GiB $(CURDIR)/$(BIN)/golangci-lint run --config=$(CURDIR)/.golangci.yml

# Packages of test/e2e that import all of Kubernetes. staticcheck and contextcheck would analyse that too, which takes a minute.
with-kubernetes := /(certmanager|controllers|cmd/cert-manager|cmd/cluster)$$

.PHONY: lint
lint: $(BIN)/golangci-lint $(BIN)/actionlint ## lint code, formatting and workflows
	@$(call in-each,$(filter-out test/e2e/,$(LINTED)),$(golangci-lint) ./...)
	@cd test/e2e && packages=$$(go list -tags=grpcnotrace,node -f '{{.Dir}}' ./...); \
		grep -vE '$(with-kubernetes)' <<<"$$packages" | xargs $(golangci-lint); \
		grep -E '$(with-kubernetes)' <<<"$$packages" | xargs $(golangci-lint) --disable=staticcheck,contextcheck
	@! git grep -n --untracked '"PUT"' -- '*.go' ':!*_test.go' ':!mijnhost/mijnhosttest' ':!test' || \
		{ echo "PUT replaces a whole zone and must not be used." >&2; exit 1; }
	@$(BIN)/actionlint -shellcheck= -pyflakes=

.PHONY: fmt
fmt: $(BIN)/golangci-lint ## format the code and tidy the modules
	@$(call in-each,$(LINTED),$(CURDIR)/$(BIN)/golangci-lint fmt --config=$(CURDIR)/.golangci.yml)
	@$(call in-each,$(MODULES),go mod tidy)

.PHONY: unit
# -p=4, because some packages mostly wait. With this GOGC, linking takes 25% less time. By default the race detector sleeps for 1 s
# at the end of each test binary.
unit: ## run unit tests, with -race if a C compiler is installed
	@$(if $(RACE),,echo "unit: no C compiler found; running without -race")
	CGO_ENABLED=$(or $(RACE),0) GOGC=400 GORACE=atexit_sleep_ms=0 go test $(if $(RACE),-race) -p=4 ./...

KILLS ?= 3
.PHONY: kill
kill: ## kill the process that updates a Realtime Register zone KILLS times (3); mostly waits
	KILLS=$(KILLS) go test -count=1 -timeout=0 -parallel=10 -v -run='^TestKill_LeaseHolder$$' ./realtimeregister

.PHONY: chart
chart: $(BIN)/helm $(BIN)/helm-unittest $(BIN)/helm-docs ## test the Helm chart: lint, unit tests, schema, README
	go test -C test/chart -count=1 ./...

.PHONY: chart-docs
chart-docs: $(BIN)/helm-docs ## generate the chart's README.md from values.yaml
	@$(BIN)/helm-docs --chart-search-root=$(CHART) --sort-values-order=file

.PHONY: metrics-docs
metrics-docs: ## generate docs/reference/metrics.md from the code
	go test ./internal/metrics -run=TestDocumentation -update

.PHONY: check-picture
check-picture: ## generate docs/reference/check.svg from a run of webhook check
	go test ./mijnhost/mijnhostcheck -run=TestPicture -update

.PHONY: docs
docs: control-plane $(BIN)/helm ## test the documentation: links, manifests, values, commands and flags
	go test -C test/docs -count=1 ./...

.PHONY: observability
observability: $(BIN)/prometheus $(BIN)/promtool ## test metrics, alerts and dashboard with a real Prometheus
	go test -C test/observability -count=1 ./...

.PHONY: e2e
e2e: $(BIN)/prometheus $(BIN)/helm3 ## run end-to-end tests with a real control plane, cert-manager and Pebble
	@mkdir -p .cache/tmp
	@go test -C test/e2e -count=1 -timeout=20m -parallel=4 ./... |& tee .cache/tmp/e2e.log || \
		{ echo "e2e: failed tests (logs above):"; grep -aE '^ *--- FAIL|^panic:|^FAIL' .cache/tmp/e2e.log; exit 1; } >&2

.PHONY: control-plane
control-plane: ## build etcd, kube-apiserver, kubectl and other cluster programs into .cache/bin
	@go run -C test/e2e ./cmd/build

##@ Search and measure

FUZZTIME ?= 30s
# By default Go spends up to a minute on minimizing each new input. One attempt keeps the search going.
# Go first runs each cached input, for about 40 ms. A cache of its own keeps a search from starting with that.
# Sometimes Go reports the end of FUZZTIME as a failure, without an input.
print-rate = { print } /^fuzz: elapsed:/ { n = split($$3, t, /[hms,]+/) - 1; s = t[n] + 60*t[n-1] + 3600*t[n-2]; execs = $$5 } \
	/^    context deadline exceeded$$/ { late = 1 } /Failing input written/ { found = 1 } /^FAILED$$/ { failed = 1 } \
	END { if (s) printf "%s: %d executions in %d s, %d a second\n", target, execs, s, execs/s; exit failed && (found || !late) }
.PHONY: fuzz
fuzz: ## run each fuzz target for FUZZTIME (30s)
	@cache=$$(mktemp -d); trap 'rm -rf "$$cache"' EXIT; \
	git grep -lz --untracked '^func Fuzz' -- '*_test.go' ':!test' | xargs -0n1 dirname | sort -u | while read -r package; do \
		for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9]*\)(.*/\1/p' $$package/*_test.go); do \
			{ go test -run='^$$' -fuzz="^$$target\$$" -fuzztime=$(FUZZTIME) -fuzzminimizetime=1x ./$$package -test.fuzzcachedir="$$cache/$$package" </dev/null || echo FAILED; } | \
				awk -v target="$$target" '$(print-rate)'; \
		done; \
	done

.PHONY: check-readings
check-readings: ## test webhook check under every reading, fault and interrupt (make unit runs a sample)
	go test -count=1 -timeout=60m ./mijnhost/mijnhostcheck -args -all

SOAKTIME ?= 10m
.PHONY: soak
soak: control-plane ## renew certificates under injected faults for SOAKTIME (10m)
	SOAKTIME=$(SOAKTIME) SOAK_CERTIFICATES=50 go test -C test/e2e -count=1 -timeout=0 -v -run='^TestSoak$$' .

CRASHES ?= 200
.PHONY: crash
crash: control-plane ## kill the webhook CRASHES times (200) while certificates are issued
	CRASHES=$(CRASHES) go test -C test/e2e -count=1 -timeout=0 -v -run='^TestTermination$$/^SIGKILL$$' .

CNAMES ?= 20
.PHONY: cnames
cnames: control-plane ## issue certificates for CNAMES (20) names with CNAMEs to the same name, through two replicas
	CNAMES=$(CNAMES) go test -C test/e2e -count=1 -timeout=0 -v -run='^TestCNAMEsToOneName$$' .

SCALE ?= 200
.PHONY: scale
scale: control-plane ## issue certificates for SCALE (200) domains at once; print time, calls and memory
	SCALE=$(SCALE) go test -C test/e2e -count=1 -timeout=0 -v -run='^TestScale$$' .

OLDER ?= CERT_MANAGER=v1.20.3 CERT_MANAGER=v1.19.5 \
	KUBERNETES=v1.35.4 KUBERNETES=v1.34.4 KUBERNETES=v1.33.13 KUBERNETES=v1.32.2 KUBERNETES=v1.31.0 KUBERNETES=v1.30.14
.PHONY: compatibility
compatibility: $(BIN)/helm3 ## test issuance and chart with each OLDER version of cert-manager and Kubernetes
	@for one in $(OLDER); do \
		echo "$$one"; env "$$one" go test -C test/e2e -count=1 -timeout=60m -parallel=8 -v -run='^(TestIssuance|TestChart)$$' .; \
	done

# The workflow tests each of these versions in its own job.
.PHONY: older
older:
	@printf '%s\n' $(OLDER)

.PHONY: bench
bench: ## run benchmarks
	go test -run='^$$' -bench=. -benchmem ./...

.PHONY: audit
audit: $(BIN)/govulncheck ## check for known vulnerabilities (queries vuln.go.dev)
	$(BIN)/govulncheck ./...

##@ Ship

BUILD_ARGS = $(foreach a,VERSION COMMIT DATE,--build-arg $(a)=$($(a)))
.PHONY: image
image: ## build the image for this platform (needs docker, podman or buildah)
	@for engine in docker podman buildah; do \
		if $$engine info >/dev/null 2>&1; then exec $$engine build --tag $(IMAGE) $(BUILD_ARGS) .; fi; \
	done; echo "image: docker, podman or buildah is required" >&2; exit 1

.PHONY: image-test
image-test: build ## build and verify the image for every platform without a registry (needs buildah)
	@VERSION=$(VERSION) COMMIT=$(COMMIT) DATE=$(DATE) test/tools/image-test

.PHONY: node-test
node-test: build ## test image and chart on two real nodes (needs root, Linux, containerd; lists missing packages)
	@VERSION=$(VERSION) COMMIT=$(COMMIT) DATE=$(DATE) test/tools/node-test

.PHONY: reproducible
reproducible: build ## check that a clean build in another directory gives the same binary
	@mkdir -p .cache; elsewhere=$$(mktemp -d .cache/elsewhere.XXXXXX); trap 'rm -rf $$elsewhere' EXIT; \
	git ls-files -z --cached --others --exclude-standard -- . ':!deploy' ':!docs' ':!test' | \
		xargs -0 cp --parents --target-directory=$$elsewhere; \
	GOCACHE=$(CURDIR)/$$elsewhere/cache go build -C $$elsewhere -ldflags='$(LDFLAGS)' -o webhook .; \
	cmp bin/webhook $$elsewhere/webhook && echo "reproducible: $$(sha256sum <bin/webhook)"

.PHONY: dist
dist: build ## build the release archives into dist (needs GNU tar)
	@rm -rf dist && mkdir dist
	@for platform in linux-amd64 linux-arm64 linux-armv7 darwin-amd64 darwin-arm64; do \
		IFS=- read -r os arch <<<"$$platform"; \
		GOOS=$$os GOARCH=$${arch%v7} GOARM=7 go build -ldflags='$(LDFLAGS)' -o dist/webhook .; \
		tar --create --owner=0 --group=0 --numeric-owner --mtime='$(DATE:unknown=1970-01-01)' LICENSE -C dist webhook | \
			gzip -9n >dist/webhook-$(VERSION)-$$platform.tar.gz; \
		rm dist/webhook; \
	done; cd dist && sha256sum *.tar.gz | tee SHA256SUMS

CHART_VERSION = $(shell awk '$$1 == "version:" { print $$2 }' $(CHART)/Chart.yaml)
.PHONY: release-check
release-check: $(BIN)/helm reproducible ## check versions and changelog; build archives and chart
	@test v$(CHART_VERSION) = $(if $(filter file,$(origin VERSION)),v$(CHART_VERSION),$(VERSION)) || \
		{ echo "Chart version $(CHART_VERSION) does not match tag $(VERSION)." >&2; exit 1; }
	@grep -qE '^appVersion: "?$(CHART_VERSION)"?$$' $(CHART)/Chart.yaml || \
		{ echo "appVersion in Chart.yaml must be $(CHART_VERSION)." >&2; exit 1; }
	@grep -q ':v$(CHART_VERSION)$$' $(CHART)/Chart.yaml || \
		{ echo "Annotation artifacthub.io/images in Chart.yaml must name v$(CHART_VERSION)." >&2; exit 1; }
	@$(MAKE) notes dist VERSION=v$(CHART_VERSION)
	@$(BIN)/helm package $(CHART) --destination dist

.PHONY: notes
notes: ## print the changelog of VERSION
	@awk -v version='[$(VERSION:v%=%)]' '/^## / { on = index($$0, version) } /^## |^\[.*\]: / { next } on { print; found = 1 } \
		END { if (!found) { print "CHANGELOG.md has no entry for " version > "/dev/stderr"; exit 1 } }' CHANGELOG.md

# Build arguments of the workflow that builds the image.
.PHONY: stamp
stamp:
	@echo "date=$(DATE)"; echo "epoch=$$(git log -1 --format=%ct)"

##@ Other

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^##@/ { print "\n" substr($$0, 5) } /^[a-z0-9-]+:.*## / { printf "  %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Without service discovery, Prometheus compiles faster.
$(BIN)/promtool $(BIN)/prometheus: GOFLAGS += -tags=grpcnotrace,remove_all_sd

# These tools have no modules of their own, so that they share the compiled Kubernetes libraries of the test cluster.
$(BIN)/helm: PACKAGE = helm.sh/helm/v4/cmd/helm
$(BIN)/promtool $(BIN)/prometheus: PACKAGE = github.com/prometheus/prometheus/cmd/$(@F)
$(BIN)/helm $(BIN)/promtool $(BIN)/prometheus: test/e2e/go.mod test/e2e/go.sum
	@$(call go-build,test/e2e,-s -w,$@,$(PACKAGE)) && touch $@

$(BIN)/%: test/tools/%/go.mod test/tools/%/go.sum
	@$(call go-build,test/tools/$*,-s -w,$@,tool) && touch $@
