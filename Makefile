# The front door: each target calls the tool that does the work. `make help` lists them.
BUILD  ?= build
CTEST  ?= ctest --output-on-failure --no-tests=error -j $(shell nproc)
QUICK  := unit|property|vectors|sim|contract|lint
FUZZ_SECONDS ?= 60
ROW    ?= all
SIM_SEEDS ?= 200000
export CCACHE_NOHASHDIR = 1

.PHONY: build help demo test quickcheck test-all sim-long asan tsan fuzz lint tidy format bench bench-lag real chaos soak scale systemd clean packages-%
.DEFAULT_GOAL := build

help: ## this list
	@sed -n 's|^\([a-z -]*\):.*## |\1\t|p' $(MAKEFILE_LIST) | expand -t 14

packages-%:
	@deploy/setup/packages $(subst +, ,$*)

# A tree that `make test` configured stays as it is; a fresh one does without the tests.
$(BUILD)/build.ninja:
	cmake --preset default -B $(BUILD) -DTRIGGERD_TESTS=OFF

build: packages-build $(BUILD)/build.ninja ## build/bin/triggerd
	cmake --build $(BUILD) --target triggerd

demo: packages-build+worker-run build ## the daemon, a mock cluster, a producer and a Python worker, until Ctrl-C
	$(BUILD)/bin/triggerd demo $(DEMO)

test-build: packages-build+worker-run+test
	tests/kafka/kafka fetch
	cmake --preset default -B $(BUILD) -DTRIGGERD_TESTS=ON
	cmake --build $(BUILD)

test: test-build ## everything but the sanitizers: unit to end to end, real brokers
	cd $(BUILD) && $(CTEST)

quickcheck: packages-build+worker-run+test ## what needs no broker, under a minute once built
	cmake --preset default -B $(BUILD) -DTRIGGERD_TESTS=ON
	cmake --build $(BUILD)
	cd $(BUILD) && $(CTEST) -L '^($(QUICK))$$'

test-all: test sim-long asan tsan fuzz ## test, more seeds, the sanitizer builds, a short run of the fuzzers, and systemd
	@if deploy/setup/packages systemd; then $(MAKE) systemd; else echo "test-all: no test under a real systemd: qemu cannot be installed here"; fi

sim-long: test-build ## SIM_SEEDS (200000) further seeds of the simulations
	$(BUILD)/tests/sim_pipeline --seed=100000 --seeds=$(SIM_SEEDS)
	$(BUILD)/tests/sim_scale --seed=100000 --seeds=2000

asan: packages-build+worker-run+test
tsan: packages-build+worker-run+test+tsan
asan tsan: ## the quick tests, and those on the mock cluster, under a sanitizer
	cmake --preset $@
	cmake --build build-$@
	cd build-$@ && $(CTEST) -L '^($(QUICK)|mock)$$'

fuzz: packages-build+fuzz ## each fuzzer for FUZZ_SECONDS (60)
	cmake --preset fuzz
	cmake --build build-fuzz --target fuzzers
	tests/fuzz/run build-fuzz/fuzz $(FUZZ_SECONDS)

lint: packages-lint ## layering, banned calls, budgets, formats; needs no build
	python3 tests/lint/lint.py --self-test

tidy: packages-build+test+tidy ## clang-tidy over what the default build compiles; slow
	run-clang-tidy-19 -quiet -p $(BUILD) '$(CURDIR)/(lib|daemon)/.*'

format: packages-lint ## write the C++ sources as .clang-format says
	python3 tests/lint/lint.py --format

bench: packages-build+worker-run+test+bench ## against raw librdkafka and confluent-kafka-python; ROW=python-100b for one row
	tests/kafka/kafka fetch
	cmake --preset default -B $(BUILD) -DTRIGGERD_TESTS=ON
	cmake --build $(BUILD) --target triggerd kafka_tool raw_consumer triggerd-cpp-count
	tests/bench/run --build $(BUILD) $(ROW)

bench-lag: packages-build+worker-run+test+bench ## the lag of 1,000 groups, beside confluent-kafka's AdminClient
	tests/kafka/kafka fetch
	cmake --preset default -B $(BUILD) -DTRIGGERD_TESTS=ON
	cmake --build $(BUILD) --target lag_side
	tests/bench/lag/run --build $(BUILD)

real: test-build ## the Debian package index through a daemon, with faults, and its progress
	tests/e2e/run --build $(BUILD) --verbose real_test

chaos: test-build ## every fault on real brokers while records flow: nothing lost, duplicates bounded
	tests/chaos/run --build $(BUILD) --self-test -q
	tests/chaos/run --build $(BUILD) $(CHAOS)

soak: test-build ## an hour and two million records of faults at random; CHAOS="--soak 5" for less
	tests/chaos/run --build $(BUILD) --soak 60 $(CHAOS)

scale: test-build ## three daemons scaled by the target they tell while a load steps up and down; SCALE="--rate 20000"
	tests/scale/run --build $(BUILD) $(SCALE)

systemd: packages-systemd test-build ## the unit under a real systemd, in a virtual machine (qemu); SYSTEMD=limits_test for one part
	tests/systemd/run --build $(BUILD) $(SYSTEMD)

clean: ## remove what was built; the caches under the home directory stay
	rm -rf build build-debug build-release build-asan build-tsan build-fuzz
