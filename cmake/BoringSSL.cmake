# Finds the BoringSSL that scripts/setup.sh built and defines two imported
# static libraries:
#
#   natkit_boringssl_crypto   also BoringSSL::crypto
#   natkit_boringssl_ssl      also BoringSSL::ssl, brings crypto
#
# They are no part of natkit's install tree, so link them as
#   target_link_libraries(x PRIVATE $<BUILD_INTERFACE:natkit_boringssl_crypto>)
#
# Their symbols are hidden. A shared library that links them leaves them out of
# its dynamic symbols too (--exclude-libs, set below), so a program may use it
# next to OpenSSL. Headers come by -isystem, before the ones of /usr/include.
#
# NATKIT_BORINGSSL_ROOT, as CMake variable or in the environment, names another
# build: a folder with include/openssl, lib/libcrypto.a and lib/libssl.a.
include_guard(GLOBAL)

function(natkit_find_boringssl result)
  if(NATKIT_BORINGSSL_ROOT)
    set(root "${NATKIT_BORINGSSL_ROOT}")
  else()
    set(script "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/../scripts/lib/boringssl_root.sh")
    execute_process(
      COMMAND bash "${script}"
      OUTPUT_VARIABLE root OUTPUT_STRIP_TRAILING_WHITESPACE
      ERROR_VARIABLE error
      RESULT_VARIABLE status)
    if(NOT status EQUAL 0)
      message(FATAL_ERROR "BoringSSL: ${script} failed: ${error}")
    endif()
  endif()
  foreach(file IN ITEMS include/openssl/ssl.h lib/libcrypto.a lib/libssl.a)
    if(NOT EXISTS "${root}/${file}")
      message(FATAL_ERROR
        "BoringSSL is not built: ${root}/${file} does not exist.\n"
        "Run scripts/setup.sh once; it builds it into that folder. "
        "Or set NATKIT_BORINGSSL_ROOT to a build of your own.")
    endif()
  endforeach()
  set(${result} "${root}" PARENT_SCOPE)
endfunction()

# A new version or recipe means another folder: look again.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
  "${CMAKE_CURRENT_LIST_DIR}/boringssl/version"
  "${CMAKE_CURRENT_LIST_DIR}/boringssl/CMakeLists.txt")

natkit_find_boringssl(natkit_boringssl_root)
message(STATUS "BoringSSL: ${natkit_boringssl_root}")

find_package(Threads REQUIRED)

foreach(library IN ITEMS crypto ssl)
  add_library(natkit_boringssl_${library} STATIC IMPORTED GLOBAL)
  set_target_properties(natkit_boringssl_${library} PROPERTIES
    IMPORTED_LOCATION "${natkit_boringssl_root}/lib/lib${library}.a"
    INTERFACE_INCLUDE_DIRECTORIES "${natkit_boringssl_root}/include"
    INTERFACE_LINK_OPTIONS "LINKER:--exclude-libs,lib${library}.a")
  add_library(BoringSSL::${library} ALIAS natkit_boringssl_${library})
endforeach()
target_link_libraries(natkit_boringssl_crypto INTERFACE Threads::Threads)
target_link_libraries(natkit_boringssl_ssl INTERFACE natkit_boringssl_crypto)
