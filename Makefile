# A small front for meson and the scripts; `make help` lists what there is.
# `make demo` and `make check` install the packages they need (Debian); the other targets build with what is there.

PREFIX ?= /usr/local
DESTDIR ?=
INSTALL_GROUP ?= canhazgpu
PURGE ?=
FUZZ_SECONDS ?= 60

.PHONY: all help deps demo check check-deep soak fuzz bench lint format install uninstall deb dist check-package gpu-check \
	gpu-check-bundle clean

all: build/build.ninja
	@ninja -C build

build/build.ninja:
	@meson setup build --prefix='$(PREFIX)' -Dtests=disabled

help:
	@echo 'make                     build build/canhazgpu'
	@echo 'make deps                install the packages that building needs'
	@echo 'make demo                packages, build, then the main features end to end with fake GPUs'
	@echo 'make check               packages, build with two compilers, the tests that every change needs'
	@echo 'make check-deep          the rest: all end-to-end tests with sanitizers and on every store, fuzzing, storms'
	@echo 'make soak                at least 20,000 reservations by random clients on Redis, and storms on the queue, with faults'
	@echo 'make install             install below PREFIX ($(PREFIX)), staged in DESTDIR; as root for all users of the host'
	@echo 'make uninstall           undo that; with PURGE=1 the pool and the configuration, too'
	@echo 'make deb                 packages, then the Debian package in build/deb'
	@echo 'make dist                the checked-out commit as an archive in build/dist'
	@echo 'make check-package       packages, then the installed package in a fresh Debian (some minutes, needs root)'
	@echo 'make bench               packages, build, measurements'
	@echo 'make lint                packages, static analysis'
	@echo 'make format              format the C sources; FILES="a.c b.h" only these'
	@echo 'make fuzz                every fuzz target for FUZZ_SECONDS ($(FUZZ_SECONDS)) seconds'
	@echo 'make gpu-check           checks that need an NVIDIA GPU (skipped where there is none)'
	@echo 'make gpu-check-bundle    the same as a folder to copy to a machine without a toolchain'
	@echo 'make clean               remove everything that was built'

deps:
	@scripts/deps build

demo:
	@scripts/deps build
	@$(MAKE) --no-print-directory all
	@scripts/demo build/canhazgpu

# STAGES="build-gcc e2e" runs only those stages, TESTS=smoke only programs whose name holds that text; see tests/run.
check:
	@scripts/deps build test package
	@tests/run

# DEEP_SECONDS=1500: starts nothing more after that time.
check-deep:
	@scripts/deps build test deep package
	@tests/run deep

soak:
	@scripts/deps build test
	@[ -f build-gcc/build.ninja ] || meson setup build-gcc --werror -Dtests=enabled
	@ninja -C build-gcc tests/soak/redis_soak
	@tests/soak/run build-gcc/tests/soak/redis_soak 12000
	@ninja -C build-gcc canhazgpu
	@for store in sqlite redis; do tests/soak/queue_storm.py build-gcc/canhazgpu $$store 240 || exit 1; done

fuzz:
	@scripts/deps build test
	@STAGES='build-fuzz fuzz' FUZZ_SECONDS='$(FUZZ_SECONDS)' tests/run deep

bench:
	@scripts/deps build
	@$(MAKE) --no-print-directory all
	@ninja -C build benchmarks
	@bench/run build/canhazgpu

lint:
	@scripts/deps build test lint
	@scripts/lint

format:
	@scripts/check-format --fix $(FILES)

# See scripts/install; docs/install.md tells what is set up.
install uninstall: build/build.ninja
	@PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' INSTALL_GROUP='$(INSTALL_GROUP)' PURGE='$(PURGE)' \
		scripts/install $(filter uninstall,$@)

deb:
	@scripts/deps build package
	@scripts/make-deb

dist:
	@scripts/make-dist

check-package:
	@scripts/deps build test package package-root
	@STAGES='build-gcc package package-source package-root' tests/run

gpu-check: all
	@scripts/gpu-check

gpu-check-bundle: all
	@scripts/gpu-check-bundle

clean:
	rm -rf build build-gcc build-clang build-fuzz build-lint
