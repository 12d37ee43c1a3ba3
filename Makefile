GO       ?= go
FUZZTIME ?= 30s
# The recorded conversations with the reference, and their player.
CONTRACT ?= ../shared/contract

STATICCHECK = $(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK = $(GO) run golang.org/x/vuln/cmd/govulncheck@v1.9.0
GOSEC       = $(GO) run github.com/securego/gosec/v2/cmd/gosec@v2.22.10
LICENSES    = $(GO) run github.com/google/go-licenses@v1.6.0
CYCLONEDX   = $(GO) run github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.9.0
# A PostgreSQL and a Redis of its own for a command.
TESTENV     = $(GO) run ./internal/testenv

help: ## list what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

run: ## start the quickstart: a site with accounts, on this machine alone
	$(GO) run ./examples/quickstart

spa: ## start the single-page example: every flow, with a mailbox and an identity provider
	$(GO) run ./examples/spa

screenshots: ## take pictures of the example's pages, into screenshots/
	SCREENSHOTS=$(CURDIR)/screenshots $(GO) test -count=1 ./examples/spa

test: ## run all tests, on every store; installs the databases they need
	$(TESTENV) $(GO) test ./...

check: lint licenses cross race vuln ## what a change has to pass: lint, licenses, cross, race and vuln

lint: ## formatting, vet, staticcheck, our own analyzers, and who may import whom
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "gofmt -w is needed for:"; echo "$$unformatted"; exit 1; }
	$(GO) vet ./...
	$(STATICCHECK) ./...
	$(GO) run ./internal/lint ./...
	$(GO) test ./internal/floors ./internal/configdoc ./internal/doctest

race: ## run all tests under the race detector
	$(TESTENV) $(GO) test -race ./...

races: ## let fifty clients race for everything that there is once, two hundred times, on every store
	$(TESTENV) $(GO) test ./internal/races -count=1 -timeout 12h -v -races.rounds 200

# The last release or, before there is one, the oldest commit with today's tables.
BASE ?= $(shell git describe --tags --abbrev=0 2>/dev/null || git log -1 --format=%h -- store/internal/sqlstore/migrations)
mixed: ## run this version and BASE side by side on one PostgreSQL, with servers that die
	@set -e; dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; echo "beside $(BASE)"; \
	git archive $(BASE) > $$dir/tree.tar; mkdir $$dir/tree; tar -xf $$dir/tree.tar -C $$dir/tree; \
	(cd $$dir/tree && $(GO) build -trimpath -o ../standalone ./examples/standalone); \
	FLEET_OTHER=$$dir/standalone $(TESTENV) $(GO) test ./internal/fleet -run '^TestFleet$$' -count=1 -v

vuln: ## look for known vulnerabilities in what we use
	$(GOVULNCHECK) ./...

gosec: ## look for what usually goes wrong; docs/security.md says what is left out, and why
	$(GOSEC) -quiet -exclude-dir=testdata -exclude=G101,G115,G204,G301,G304,G306 ./...

licenses: ## whether every module's license lets us use it
	$(LICENSES) check --ignore modernc.org/mathutil --allowed_licenses=MIT,BSD-2-Clause,BSD-3-Clause,ISC,Apache-2.0,MPL-2.0 ./...

sbom: ## list what the standalone server is made of, into sbom.json (CycloneDX)
	$(CYCLONEDX) app -json -licenses -main examples/standalone -output sbom.json .

cross: ## build for every system, without C
	@set -e; for os in linux darwin windows; do for arch in amd64 arm64; do \
		echo "$$os/$$arch"; CGO_ENABLED=0 GOOS=$$os GOARCH=$$arch $(GO) build -trimpath -o /dev/null ./examples/standalone; \
		CGO_ENABLED=0 GOOS=$$os GOARCH=$$arch $(GO) build ./account/... ./mfa/... ./socialaccount/... ./sessions/... ./tokens/... ./store/... .; \
	done; done

# What sets up TOTP, recovery codes or RSA keys below 2048 bits can't run there.
NOT_FIPS = TestTokenKeys|TestSweep|TestSessionCache|TestParallelCalls|TestDescribed|TestDatabaseHoldsNoCredential
fips: ## run the flows in FIPS 140-only mode; docs/security.md says what there is not
	GODEBUG=fips140=only $(TESTENV) $(GO) test -short -skip '$(NOT_FIPS)' \
		./internal/csrf ./internal/secret ./internal/wiretest ./sessions ./store/redis ./tokens/...

cover: ## measure what the tests reach, into coverage.html
	$(TESTENV) $(GO) test -coverpkg=./... -coverprofile=coverage.out ./...
	$(GO) tool cover -html=coverage.out -o coverage.html
	@$(GO) tool cover -func=coverage.out | tail -n 1

fuzz: ## fuzz each parser of what strangers send, for FUZZTIME
	@set -e; for p in $$($(GO) list ./...); do \
		for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz' || true); do \
			echo "$$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 2s $$p; \
		done; \
	done

bench: ## run the benchmarks
	$(TESTENV) $(GO) test -run '^$$' -bench . -benchmem ./...

timing: ## measure how much the clock tells of who has an account: a table, in ten minutes, on a machine that has nothing else to do
	$(TESTENV) $(GO) test ./internal/wiretest -run '^$$' -bench '^BenchmarkTiming$$' -benchtime 300x -timeout 1h

soak: ## keep a server busy for an hour, on each database, and see that nothing grows
	$(TESTENV) $(GO) run ./internal/soak -for 1h
	$(GO) run ./internal/soak -for 1h -store sqlite

contract: bin/standalone ## compare every answer with the reference's, where its recordings are
	cd $(CONTRACT) && $(GO) run ./cmd/check -strict-rules -server $(CURDIR)/bin/standalone \
		-configs $(CURDIR)/examples/standalone/testdata/contract -deviations $(CURDIR)/docs/contract-deviations.json

compatibility: bin/standalone ## write docs/compatibility.md from such a comparison
	@set -e; dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; rules=$(CURDIR)/docs/contract-deviations.json; \
	cd $(CONTRACT); golden=$$(pwd)/golden; \
	$(GO) run ./cmd/check -strict-rules -need-configs -server $(CURDIR)/bin/standalone -configs $(CURDIR)/examples/standalone/testdata/contract \
		-deviations $$rules -out $$dir/played -json $$dir/report.json; \
	$(GO) run ./cmd/diff -all -json golden $$dir/played > $$dir/differences.json || true; \
	cd $(CURDIR); $(GO) run ./internal/compat -report $$dir/report.json -differences $$dir/differences.json -golden $$golden \
		-deviations $$rules -o docs/compatibility.md

generate: ## write anew what is made from the code
	$(GO) generate ./...

# Without C it needs nothing of the system it runs on; -s -w leaves out what
# only debuggers read.
bin/standalone: FORCE
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags="-s -w" -o $@ ./examples/standalone

FORCE:
.PHONY: help run spa screenshots test check lint race races mixed vuln gosec licenses sbom cross fips cover fuzz bench timing soak contract compatibility generate FORCE
