# Third-party libraries: Debian packages, and BoringSSL from the cache that
# scripts/setup.sh fills.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(sodium REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(b2 REQUIRED IMPORTED_TARGET libb2)
pkg_check_modules(uv REQUIRED IMPORTED_TARGET libuv)
pkg_check_modules(miniupnpc REQUIRED IMPORTED_TARGET miniupnpc)
pkg_check_modules(prometheus_core REQUIRED IMPORTED_TARGET prometheus-cpp-core)
find_package(Protobuf REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)
find_package(tomlplusplus REQUIRED)
include(BoringSSL)

if(NATKIT_BUILD_TESTS OR NATKIT_BUILD_FUZZERS)
  find_package(GTest REQUIRED)
  include(GoogleTest)
endif()
if(NATKIT_BUILD_BENCHMARKS)
  find_package(benchmark REQUIRED)
endif()
