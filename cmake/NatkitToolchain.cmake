# Language level, output folders, ccache and sanitizers: what holds for the
# whole build. Warnings are a target (natkit_warnings), not a global flag.

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Build type" FORCE)
endif()

find_program(NATKIT_CCACHE ccache)
if(NATKIT_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER ${NATKIT_CCACHE})
  # Without this sloppiness ccache leaves out what uses a precompiled header.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros ${NATKIT_CCACHE})
endif()

# A broken invariant is printed with its file; who installs a package need not
# learn where it was built.
add_compile_options("-fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=")

add_library(natkit_warnings INTERFACE)
target_compile_options(natkit_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wold-style-cast
  -Wno-missing-field-initializers  # designated initialisers leave defaults
  # g++ 12 sees uninitialised members in std::variant where there are none.
  $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>
  $<$<BOOL:${NATKIT_WERROR}>:-Werror>)

if(NATKIT_SANITIZE)
  # The cores are built without RTTI, which UBSan's vptr check needs.
  set(natkit_sanitize_flags -fsanitize=${NATKIT_SANITIZE}
      -fno-omit-frame-pointer)
  if(NATKIT_SANITIZE MATCHES "undefined")
    list(APPEND natkit_sanitize_flags -fno-sanitize=vptr
         -fno-sanitize-recover=all)
  endif()
  if(NATKIT_BUILD_FUZZERS)
    list(APPEND natkit_sanitize_flags -fsanitize=fuzzer-no-link)
  endif()
  add_compile_options(${natkit_sanitize_flags})
  add_link_options(${natkit_sanitize_flags})
endif()
