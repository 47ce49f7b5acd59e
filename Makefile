# What every target needs: Go 1.26, make and git.
CADDY_VERSION = $(shell go list -m -f '{{.Version}}' github.com/caddyserver/caddy/v2)
LINT = go tool -modfile=tools/go.mod golangci-lint
LINT_PATH = go tool -modfile=tools/go.mod -n golangci-lint
VULN = go tool -modfile=tools/go.mod govulncheck
# The example in docs/ is a Go module of its own, as a third party's is. Until
# Hookgate has a version to require, a workspace stands in for it.
EXAMPLE = docs/example-trigger
WORKSPACE = GOWORK=$(CURDIR)/.work/go.work
# The race detector needs a C compiler.
RACE = $(if $(shell command -v $$(go env CC)),-race)

.PHONY: help build build-example workspace run test test-faults fuzz bench check fmt clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## bin/hookgate: Caddy with every module of this repository
	@mkdir -p bin
	go tool xcaddy build $(CADDY_VERSION) --with github.com/hookgate/hookgate@v0.0.0=. --output bin/hookgate

build-example: ## bin/hookgate-example: the same with the trigger of docs/example-trigger
	@mkdir -p bin
	go tool xcaddy build $(CADDY_VERSION) --with github.com/hookgate/hookgate@v0.0.0=. --with example.com/desk@v0.0.0=./$(EXAMPLE) --output bin/hookgate-example

workspace:
	@mkdir -p .work
	@printf 'go 1.26.0\n\nuse (\n\t..\n\t../$(EXAMPLE)\n)\n\nreplace github.com/hookgate/hookgate v0.0.0 => ..\n' > .work/go.work

run: build ## start the quickstart, send it a signed GitHub event, serve until Ctrl-C
	@mkdir -p .work
	@go build -o .work/quickstart-demo ./caddyfile-examples/quickstart
	@exec .work/quickstart-demo

test: build build-example workspace ## every test that this machine can run; lists those left out
	@$(if $(RACE),,echo "make test: the race detector is left out: no C compiler" && test -z "$$HOOKGATE_TEST_FULL")
	cd $(EXAMPLE) && $(WORKSPACE) go test $(RACE) ./...
	HOOKGATE_BIN=bin/hookgate HOOKGATE_EXAMPLE_BIN=bin/hookgate-example go run ./integration-tests/report go test $(RACE) ./...

test-faults: build ## crashes, power cuts, full and failing disks, flipped bits (Linux, as root)
	HOOKGATE_BIN=bin/hookgate go run ./integration-tests/faults $(FAULTS)

fuzz: ## every fuzz target, FUZZTIME each (default 1m)
	./integration-tests/fuzz.sh $(or $(FUZZTIME),1m)

bench: build ## the benchmark table, side by side in one run
	go run ./integration-tests/bench

check: workspace ## format, vet, lint; vulnerabilities if the database is reachable
	go vet ./...
	$(LINT) run ./...
	cd $(EXAMPLE) && $(WORKSPACE) go vet ./...
	lint=$$($(LINT_PATH)) && cd $(EXAMPLE) && $(WORKSPACE) $$lint run ./...
	@tools/vulnerabilities.sh $(VULN) ./...

fmt: ## format the code and the examples
	$(LINT) fmt ./...
	@for file in caddyfile-examples/*/Caddyfile; do bin/hookgate fmt --overwrite $$file; done

clean: ## remove build results and the quickstart's data
	rm -rf bin .work
