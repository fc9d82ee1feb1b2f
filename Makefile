# The commands of a working day. `.ci/run` uses the same targets, so that a green machine and a green CI mean the same.
.DEFAULT_GOAL := help
.PHONY: help build binaries format vet lint determinism test quick example compose clients ci

# Extra arguments for go test, as in: make test ARGS='-run Accident ./internal/endtoend'
ARGS ?= ./...
# The folder in which `make example` runs. Default: a temporary one.
WORK ?= $(shell mktemp -d)

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## compile everything
	go build ./...

binaries: ## build bin/entraflow, the command line, and bin/entraflow-worker
	go build -o bin/entraflow ./starter
	go build -o bin/entraflow-worker ./worker

format: ## fail if a Go file is not formatted
	@unformatted=$$(git ls-files -z --cached --others --exclude-standard '*.go' | xargs -0 gofmt -l); \
	if [ -n "$$unformatted" ]; then printf 'run gofmt -w on:\n%s\n' "$$unformatted"; exit 1; fi

vet: ## go vet
	go vet ./...

lint: ## staticcheck, and golangci-lint with the rules of .golangci.yml (which package may import which)
	go tool -modfile=tools/go.mod staticcheck ./...
	.ci/lint

determinism: ## fail if a workflow does something that differs when it is replayed
	go tool -modfile=tools/go.mod workflowcheck -config workflowcheck.config.yaml ./workflows/

test: ## run all tests, the end-to-end ones on a real Temporal server included; ARGS selects
	go test -timeout 30m $(ARGS)

quick: ## run the tests that need no server
	go test -short $(ARGS)

example: ## run the examples twice and compare the counters; needs slapd
	.ci/example $(WORK)

clients: ## let clients of Graph that are not ours work on the simulator
	.ci/clients

compose: ## check docker-compose.yml
	.ci/compose-check

ci: ## everything that must be right before a change goes in
	.ci/run
