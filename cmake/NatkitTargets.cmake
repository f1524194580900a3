# The house functions: every library, test and fuzz target is declared through
# one of these, so that all of them get the same warnings and visibility.

include(GNUInstallDirs)

# natkit_add_library(NAME <short>  SOURCES ...  HEADERS ...
#                    [PUBLIC libs...] [PRIVATE libs...] [EXCEPTIONS] [INTERNAL])
# Defines natkit_<short> with the alias natkit::<short>. HEADERS are public,
# below include/; cores are built without exceptions and RTTI. INTERNAL
# libraries are not installed.
function(natkit_add_library)
  cmake_parse_arguments(ARG "EXCEPTIONS;INTERNAL" "NAME"
                        "SOURCES;HEADERS;PUBLIC;PRIVATE" ${ARGN})
  set(target natkit_${ARG_NAME})
  add_library(${target} STATIC ${ARG_SOURCES})
  add_library(natkit::${ARG_NAME} ALIAS ${target})
  target_sources(${target} PUBLIC FILE_SET HEADERS BASE_DIRS include
                 FILES ${ARG_HEADERS})
  target_include_directories(${target} PRIVATE src)
  target_compile_features(${target} PUBLIC cxx_std_23)
  target_link_libraries(${target} PUBLIC ${ARG_PUBLIC}
    PRIVATE ${ARG_PRIVATE} $<BUILD_INTERFACE:natkit_warnings>)
  if(NOT ARG_EXCEPTIONS)
    target_compile_options(${target} PRIVATE
      $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions -fno-rtti>)
  endif()
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${ARG_NAME}
    CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  if(NATKIT_PRECOMPILE_LIBRARIES)
    set(precompiled core)
    if(ARG_EXCEPTIONS)
      set(precompiled shell)
    endif()
    target_precompile_headers(${target} REUSE_FROM
      natkit_precompiled_${precompiled})
  endif()
  if(NOT ARG_INTERNAL)
    install(TARGETS ${target} EXPORT natkitTargets
      ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
      FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
  endif()
endfunction()

# For libraries whose time counts: what their loops cost changes by a tenth with
# the place where the linker puts them, unless it is the beginning of a line of
# the cache.
function(natkit_align_functions target)
  if(NOT NATKIT_SANITIZE)
    target_compile_options(${target} PRIVATE -falign-functions=64)
  endif()
endfunction()

# natkit_add_program(NAME <file name> SOURCES ... [LIBS ...])
# A program in build/bin, installed to sbin-less bin.
function(natkit_add_program)
  cmake_parse_arguments(ARG "" "NAME" "SOURCES;LIBS" ${ARGN})
  add_executable(${ARG_NAME} ${ARG_SOURCES})
  target_link_libraries(${ARG_NAME} PRIVATE ${ARG_LIBS} natkit_warnings)
  if(NOT NATKIT_SANITIZE)
    # It would hide the static sanitizer runtime's malloc from shared libraries.
    target_link_options(${ARG_NAME} PRIVATE -Wl,--exclude-libs,ALL)
  endif()
  install(TARGETS ${ARG_NAME} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endfunction()

# All that ctest runs where there are no system tests: the sanitized builds need
# none of the programs.
add_custom_target(natkit_checks)

# natkit_add_test_binary(NAME <name> SOURCES ... [LIBS ...] [PRIVATE_OF lib...]
#                        [LABEL unit|sim|system] [TIMEOUT seconds])
# One GoogleTest binary, each of its tests known to ctest. PRIVATE_OF lets the
# test include a library's private headers (its src/ folder).
function(natkit_add_test_binary)
  cmake_parse_arguments(ARG "" "NAME;LABEL;TIMEOUT" "SOURCES;LIBS;PRIVATE_OF"
                        ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  add_executable(${ARG_NAME} ${ARG_SOURCES})
  target_link_libraries(${ARG_NAME} PRIVATE ${ARG_LIBS} natkit_test_support
    natkit_warnings GTest::gmock GTest::gtest_main)
  foreach(library IN LISTS ARG_PRIVATE_OF)
    target_include_directories(${ARG_NAME} PRIVATE
      ${PROJECT_SOURCE_DIR}/lib${library}/src)
  endforeach()
  if(NOT ARG_LABEL)
    set(ARG_LABEL unit)
  endif()
  if(ARG_LABEL STREQUAL unit)
    target_compile_options(${ARG_NAME} PRIVATE ${NATKIT_TEST_FLAGS})
    if(NATKIT_PRECOMPILE_TESTS)
      target_precompile_headers(${ARG_NAME} REUSE_FROM natkit_precompiled_test)
    endif()
  endif()
  set_target_properties(${ARG_NAME} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_dependencies(natkit_checks ${ARG_NAME})
  gtest_discover_tests(${ARG_NAME} DISCOVERY_TIMEOUT 120
    PROPERTIES LABELS ${ARG_LABEL} TIMEOUT ${ARG_TIMEOUT})
endfunction()

# natkit_add_fuzzer(NAME <x> SOURCES ... [LIBS ...] [PRIVATE_OF lib...])
# Builds <x>_fuzz where NATKIT_BUILD_FUZZERS is on and runs it for five seconds
# in ctest, starting from tests/fuzz/corpus/<x>/ and from one seed, so that a
# failure is there again in the next run (CONTRIBUTING.md: how to search
# further). Without libFuzzer the same source is linked with a driver that
# replays the corpus once; without sanitizers there are no fuzz targets.
function(natkit_add_fuzzer)
  cmake_parse_arguments(ARG "" "NAME" "SOURCES;LIBS;PRIVATE_OF" ${ARGN})
  set(target ${ARG_NAME}_fuzz)
  set(corpus ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${ARG_NAME})
  add_executable(${target} ${ARG_SOURCES})
  add_dependencies(natkit_checks ${target})
  target_link_libraries(${target} PRIVATE ${ARG_LIBS} natkit_warnings)
  foreach(library IN LISTS ARG_PRIVATE_OF)
    target_include_directories(${target} PRIVATE
      ${PROJECT_SOURCE_DIR}/lib${library}/src)
  endforeach()
  set_target_properties(${target} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
  if(NATKIT_BUILD_FUZZERS)
    target_link_options(${target} PRIVATE -fsanitize=fuzzer)
    set(scratch ${CMAKE_BINARY_DIR}/fuzz/corpus/${ARG_NAME})
    file(MAKE_DIRECTORY ${scratch})
    add_test(NAME fuzz.smoke.${ARG_NAME}
      COMMAND ${target} -seed=1 -max_total_time=5 -timeout=60
              -rss_limit_mb=2048
              -artifact_prefix=${CMAKE_BINARY_DIR}/fuzz/${ARG_NAME}-
              ${scratch} ${corpus})
    set_tests_properties(fuzz.smoke.${ARG_NAME} PROPERTIES LABELS fuzz
      TIMEOUT 300)
  else()
    target_sources(${target} PRIVATE
      ${PROJECT_SOURCE_DIR}/tests/fuzz/replay_main.cc)
    add_test(NAME fuzz.replay.${ARG_NAME} COMMAND ${target} ${corpus})
    set_tests_properties(fuzz.replay.${ARG_NAME} PROPERTIES LABELS unit
      TIMEOUT 120)
  endif()
endfunction()
