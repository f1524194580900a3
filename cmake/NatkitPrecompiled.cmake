# Precompiled headers save a third of the time of a build. They also hide a
# missing #include, so the libraries have them in the fuzz preset only and the
# release build tells. g++ 12 does not know any more what of them is a system's
# header and warns of its own library; so tests have some warnings less there
# (NATKIT_TEST_FLAGS in CMakePresets.json).

set(natkit_precompiled_dir ${CMAKE_CURRENT_LIST_DIR}/precompiled)

# natkit_add_precompiled(<owner> OPTIONS <compile options> HEADERS <headers>
#                        [LIBS libs...] [LIBRARY])
# A target that others share the header of; LIBRARY for static libraries, which
# are built with hidden symbols and as -fPIC.
function(natkit_add_precompiled owner)
  cmake_parse_arguments(ARG "LIBRARY" "" "OPTIONS;HEADERS;LIBS" ${ARGN})
  if(ARG_LIBRARY)
    add_library(${owner} STATIC ${natkit_precompiled_dir}/owner.cc)
    set_target_properties(${owner} PROPERTIES
      CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  else()
    add_executable(${owner} ${natkit_precompiled_dir}/owner.cc)
  endif()
  target_compile_features(${owner} PUBLIC cxx_std_23)
  target_link_libraries(${owner} PRIVATE ${ARG_LIBS} natkit_warnings)
  target_compile_options(${owner} PRIVATE ${ARG_OPTIONS})
  target_precompile_headers(${owner} PRIVATE ${ARG_HEADERS})
endfunction()

if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # Else every build makes another header, and ccache misses all that use it.
  add_compile_options(
    "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-Xclang -fno-pch-timestamp>")
endif()

if(NATKIT_PRECOMPILE_LIBRARIES)
  natkit_add_precompiled(natkit_precompiled_core LIBRARY
    OPTIONS -fno-exceptions -fno-rtti
    HEADERS ${natkit_precompiled_dir}/standard.h)
  natkit_add_precompiled(natkit_precompiled_shell LIBRARY
    HEADERS ${natkit_precompiled_dir}/standard.h <nlohmann/json.hpp>
    LIBS nlohmann_json::nlohmann_json)
endif()
if(NATKIT_PRECOMPILE_TESTS AND NATKIT_BUILD_TESTS)
  natkit_add_precompiled(natkit_precompiled_test
    OPTIONS ${NATKIT_TEST_FLAGS}
    HEADERS ${natkit_precompiled_dir}/standard.h <gmock/gmock.h>
      <gtest/gtest.h>
    LIBS GTest::gmock)
endif()
