# libnatkit.so and libnatkit.a: one library with its dependencies folded in. Not
# for sanitized builds, whose runtime needs the global symbols that go away here.

# GNU binutils by name: the compiler may bring others.
foreach(tool IN ITEMS ld.bfd nm objcopy readelf)
  string(TOUPPER ${tool} name)
  find_program(NATKIT_${name} ${tool} REQUIRED)
endforeach()

# The static library of a pkg-config module.
function(natkit_find_static result module)
  find_library(NATKIT_STATIC_${module} REQUIRED
    NAMES lib${module}.a HINTS ${${module}_LIBRARY_DIRS})
  set(${result} ${NATKIT_STATIC_${module}} PARENT_SCOPE)
endfunction()

# The folder of those that scripts/setup.sh builds, because Debian's archives are
# for programs only.
function(natkit_find_folded_root result)
  set(script ${PROJECT_SOURCE_DIR}/scripts/lib/folded_root.sh)
  execute_process(COMMAND bash ${script}
    OUTPUT_VARIABLE root OUTPUT_STRIP_TRAILING_WHITESPACE
    COMMAND_ERROR_IS_FATAL ANY)
  set(${result} ${root} PARENT_SCOPE)
endfunction()

function(natkit_find_folded result file)
  natkit_find_folded_root(root)
  if(NOT EXISTS ${root}/${file})
    message(FATAL_ERROR "${root}/${file} does not exist. "
      "Run scripts/setup.sh once; it builds it into that folder.")
  endif()
  set(${result} ${root}/${file} PARENT_SCOPE)
endfunction()

# Installs the licenses of what is folded in, which whoever passes libnatkit on
# has to pass on. libstdc++'s and libgcc's do not ask for that.
function(natkit_install_folded_licenses destination)
  natkit_find_folded_root(folded)
  set(boringssl_file ${natkit_boringssl_root}/LICENSE)
  set(libb2_file /usr/share/doc/libb2-dev/copyright)
  set(libsodium_file /usr/share/doc/libsodium-dev/copyright)
  set(libuv_file ${folded}/licenses/libuv)
  set(protobuf_file ${folded}/licenses/protobuf)
  foreach(name IN ITEMS boringssl libb2 libsodium libuv protobuf)
    if(EXISTS ${${name}_file})
      install(FILES ${${name}_file} RENAME ${name}
              DESTINATION ${destination} COMPONENT c)
    else()
      message(WARNING "${${name}_file} does not exist: the license of ${name}, "
                      "which libnatkit has in it, will not be installed")
    endif()
  endforeach()
endfunction()

# A library of the toolchain, such as libstdc++.a.
function(natkit_find_runtime result file)
  execute_process(COMMAND ${CMAKE_CXX_COMPILER} -print-file-name=${file}
    OUTPUT_VARIABLE path OUTPUT_STRIP_TRAILING_WHITESPACE
    COMMAND_ERROR_IS_FATAL ANY)
  if(NOT IS_ABSOLUTE "${path}")
    message(FATAL_ERROR "${CMAKE_CXX_COMPILER} has no ${file}")
  endif()
  set(${result} ${path} PARENT_SCOPE)
endfunction()

# natkit_static_closure(<result> <target>...)
# The static libraries that targets need, as files: natkit's own and those of
# their third parties.
function(natkit_static_closure result)
  set(open ${ARGN})
  set(seen)
  set(files)
  while(open)
    list(POP_FRONT open item)
    string(REGEX REPLACE "^\\$<(LINK_ONLY|BUILD_INTERFACE):(.*)>$" "\\2" bare
           "${item}")
    if(NOT bare STREQUAL item)
      list(PREPEND open "${bare}")
      continue()
    endif()
    if(item IN_LIST seen OR item MATCHES "^(Threads::Threads|natkit_warnings)$")
      continue()
    endif()
    list(APPEND seen "${item}")
    if(item MATCHES "^(protobuf::lib(protobuf-lite)|PkgConfig::(uv))$")
      natkit_find_folded(file lib${CMAKE_MATCH_2}${CMAKE_MATCH_3}.a)
      list(APPEND files ${file})
      continue()
    endif()
    if(item MATCHES "^PkgConfig::(.*)$")
      natkit_find_static(file ${CMAKE_MATCH_1})
      list(APPEND files ${file})
      continue()
    endif()
    if(NOT TARGET "${item}")
      message(FATAL_ERROR "libnatkit: cannot fold in '${item}'")
    endif()
    # Imported shared libraries are left out: the parts of ours that need them
    # are no parts of the C API, or the link of libnatkit.so tells.
    get_target_property(type ${item} TYPE)
    if(type STREQUAL STATIC_LIBRARY)
      list(APPEND files $<TARGET_FILE:${item}>)
    endif()
    get_target_property(next ${item} INTERFACE_LINK_LIBRARIES)
    if(next)
      list(APPEND open ${next})
    endif()
  endwhile()
  set(${result} ${files} PARENT_SCOPE)
endfunction()

# natkit_fold(<object file> <api target> <objects>)
# Without debugging information unless the build is for debugging: it is four
# fifths of the archive, and the names of functions are there without it.
function(natkit_fold output api objects)
  natkit_static_closure(archives ${api})
  foreach(runtime IN ITEMS libstdc++.a libgcc.a)
    natkit_find_runtime(file ${runtime})
    list(APPEND archives ${file})
  endforeach()
  set(script ${PROJECT_SOURCE_DIR}/cmake/fold_library.sh)
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -E env LD=${NATKIT_LD.BFD} NM=${NATKIT_NM}
            OBJCOPY=${NATKIT_OBJCOPY} READELF=${NATKIT_READELF}
            "STRIP=$<$<NOT:$<CONFIG:Debug>>:--strip-debug>"
            bash ${script} ${output} $<TARGET_FILE:${api}>
            ${objects} ${archives}
    DEPENDS ${script} ${archives} ${objects}
    COMMENT "Folding libnatkit into one object"
    COMMAND_EXPAND_LISTS VERBATIM)
endfunction()
