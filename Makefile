# Everything that a contributor and CI run. `make` alone lists the targets.
# The tools are pinned in modules of their own (tools/, tools/buf, tools/lint)
# and installed into .bin, so nothing has to be on the machine but Go, a C
# compiler and make; npm only makes the first `make generate` faster.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

BIN         := $(CURDIR)/.bin
VERSION     ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
BUF_VERSION := $(shell sed -n 's|.*github.com/bufbuild/buf v\([^ ]*\).*|\1|p' tools/buf/go.mod)
BUF         := $(BIN)/buf-$(BUF_VERSION)
# What is ours to check: the generators answer for gen/.
PACKAGES    = $$(go list ./... | grep -v '/gen/')

# Extra flags for `go test`, such as -race or -run NAME.
TESTFLAGS ?=
# The commit whose protos the present ones must stay compatible with: what was
# released last, else origin/main, or the commit before where that is this one.
BASE      ?= $(shell git describe --tags --abbrev=0 2>/dev/null || \
	{ main=$$(git rev-parse -q --verify origin/main) && [ "$$main" != "$$(git rev-parse HEAD)" ] && echo origin/main; } || echo HEAD^)
# How many inputs each fuzz target tries. A count and not a duration: Go before 1.27
# may fail a target whose time is up without any failing input (golang/go#75804).
FUZZTIME  ?= 100000x

# The SQLite driver is C.
export CGO_ENABLED = 1

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##### Build

.PHONY: build
build: ## build ./bin/ringcast
	go build -trimpath -ldflags '-X main.version=$(VERSION)' -o bin/ringcast ./cmd/ringcast

.PHONY: demo
demo: build ## build, then run a control plane, an origin and three edges until Ctrl-C
	./bin/ringcast demo

.PHONY: clean
clean: ## remove what was built and the installed tools
	rm -rf bin .bin third_party

##### Check

.PHONY: test
test: lint ## run everything that must pass before a commit (TESTFLAGS=-race)
	go test $(TESTFLAGS) ./...
	@echo 'make test: passed gofmt, go vet, staticcheck, errcheck and go test $(TESTFLAGS) ./... (e2e included)'

.PHONY: lint
lint: lint-tools ## check formatting and run go vet, staticcheck and errcheck
	@unformatted=$$(gofmt -l .); \
	if [ -n "$$unformatted" ]; then printf 'not formatted, run gofmt -w on:\n%s\n' "$$unformatted"; exit 1; fi
	go mod tidy -diff
	go vet ./...
	$(BIN)/staticcheck $(PACKAGES)
	$(BIN)/errcheck -ignoretests -exclude tools/lint/errcheck.txt $(PACKAGES)

.PHONY: fuzz
fuzz: ## run every fuzz target for FUZZTIME inputs (default 100000x)
	@go test -vet=off -list '^Fuzz' ./... | awk '/^Fuzz/ { names[n++] = $$1 } $$1 == "ok" { for (i = 0; i < n; i++) print $$2, names[i]; n = 0 }' | \
	while read -r package name; do \
		echo "fuzz $$package $$name for $(FUZZTIME)"; \
		go test -vet=off -run '^$$' -fuzz "^$$name\$$" -fuzztime '$(FUZZTIME)' "$$package" </dev/null; \
	done

.PHONY: bench
bench: ## run every benchmark once, to see that it still works
	go test -vet=off -run '^$$' -bench . -benchtime 1x ./...

.PHONY: ci
ci: TESTFLAGS := -race
ci: FUZZTIME := 40000x
ci: generate-check breaking test fuzz bench ## what .ci/run calls: all checks, the tests with -race
	@echo 'make ci: passed'

##### Protos

.PHONY: generate
generate: protos ## lint and format the protos and generate gen/ from them
	$(BUF) format -w proto
	$(BUF) lint
	$(BUF) generate

# Generates beside the tree, so that it tells the truth about files not yet committed, too.
.PHONY: generate-check
generate-check: protos ## fail unless the protos are formatted and gen/ is what they generate
	$(BUF) format -d --exit-code proto
	$(BUF) lint
	@fresh=$$(mktemp -d); trap 'rm -rf "$$fresh"' EXIT; \
	$(BUF) generate -o "$$fresh"; \
	diff -r gen/ringcast "$$fresh/gen/ringcast" && diff -r gen/openapi "$$fresh/gen/openapi" || \
		{ echo 'gen/ is not what the protos generate: run make generate'; exit 1; }

# Reads BASE from an archive: the git-ignored third_party is absent from any commit.
.PHONY: breaking
breaking: protos ## fail on a proto change that breaks clients of BASE (the last release or main)
	@if ! git rev-parse -q --verify '$(BASE)^{commit}' >/dev/null; then \
		echo 'breaking: there is no commit $(BASE) here: fetch it, or name another with BASE='; exit 1; \
	fi; \
	if ! git rev-parse -q --verify '$(BASE):proto' >/dev/null; then \
		echo 'breaking: skipped, there is no proto/ at $(BASE) to compare with'; exit 0; \
	fi; \
	base=$$(mktemp -d); trap 'rm -rf "$$base"' EXIT; \
	git archive '$(BASE)' -- proto buf.yaml | tar -x -C "$$base"; \
	cp -r third_party "$$base/"; \
	echo "buf breaking proto --against $(BASE)"; \
	$(BUF) breaking proto --against "$$base/proto"

.PHONY: protos
protos: proto-tools $(BUF)
	go -C tools run ./stageprotos $(CURDIR)/third_party/proto

##### Tools; Go's build cache makes a repeated install cheap

.PHONY: proto-tools
proto-tools:
	GOBIN=$(BIN) go -C tools install tool

.PHONY: lint-tools
lint-tools:
	GOBIN=$(BIN) go -C tools/lint install tool

# npm has buf as a ready binary (seconds); without npm Go compiles it (minutes).
# tools/buf/go.mod pins the version for both.
$(BUF):
	@mkdir -p $(BIN)
	if command -v npm >/dev/null; then \
		npm install --silent --ignore-scripts --no-save --no-package-lock --prefix $(BIN)/npm @bufbuild/buf@$(BUF_VERSION); \
		ln -sf npm/node_modules/.bin/buf $@; \
	else \
		GOBIN=$(BIN) go -C tools/buf install tool; \
		mv $(BIN)/buf $@; \
	fi
