# Every target is a thin line over go; .ci/run runs the checks of a change.

GO        ?= go
FUZZTIME  ?= 1h
LOOPS     ?= 10000
IMAGES    ?= 20000
BENCHDATA ?= ../benchdata
LINT       = $(GO) tool -modfile=tools/go.mod golangci-lint

export CGO_ENABLED ?= 0

.PHONY: build test race arm64 lint bench bench-go benchdata fuzz crash cover generate release-check

# Servers of embeddings are asked by HTTP/1.1: HTTP/2 takes 0.4 MB. Requests wait for
# the network and not for calls in crypto/tls: inlining there takes 0.3 MB.
SMALL = -tags nethttpomithttp2 -gcflags=crypto/...=-l -gcflags=net/...=-l -gcflags=vendor/...=-l -gcflags=encoding/asn1=-l -gcflags=github.com/urfave/...=-l -gcflags=github.com/ciyuan-search/ciyuan/cmd/...=-l

build: ## dist/ciyuan, stripped
	$(GO) build $(SMALL) -trimpath -ldflags "-s -w" -o dist/ciyuan ./cmd/ciyuan

test: ## the tests
	$(GO) vet ./...
	$(GO) test ./...

race: ## the tests under the race detector (needs a C compiler)
	CGO_ENABLED=1 $(GO) test -race ./...

arm64: ## the tests of the kernels and of the forward pass on arm64; needs qemu-aarch64 (package qemu-user)
	GOARCH=arm64 $(GO) test -exec qemu-aarch64 ./encoder/transformer/internal/kernel ./scoring
	GOARCH=arm64 $(GO) test -exec qemu-aarch64 -run Reference ./encoder/transformer

lint: ## format, import rules and the usual mistakes
	$(LINT) run ./...

bench: ## every figure of docs/benchmarks.md; needs CIYUAN_SHARED or ../shared
	$(GO) run ./bench

benchdata: ## token vectors for the benchmarks of contextual vectors; needs CIYUAN_MINILM, six minutes of one core and 2.5 GB
	$(GO) run ./bench/benchdata -out $(BENCHDATA)

bench-go: ## the benchmarks of the packages
	$(GO) test -run '^$$' -bench . -benchmem ./...

fuzz: ## every fuzz target for FUZZTIME, two days in all
	@set -e; for pkg in $$($(GO) list ./...); do \
		for name in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
			echo "$$pkg $$name"; \
			$(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 5s $$pkg; \
		done; \
	done

crash: ## 10,000 killed processes and 20,000 power cuts; about an hour
	$(GO) test ./internal/crashtest -run 'TestCrash|TestPowerCut' -v -timeout 0 -loops $(LOOPS) -images $(IMAGES)

cover: ## statement coverage over all packages
	@mkdir -p dist
	$(GO) test -coverpkg=./... -coverprofile=dist/cover.out ./...
	$(GO) tool cover -func=dist/cover.out | tail -n 1

generate: ## the embedded tables again, from the module cache and CIYUAN_SHARED
	$(GO) generate ./...

release-check: ## everything that a change has to pass
	.ci/run
