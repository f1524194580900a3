# Install and export rules. The install component "c" is the C API alone.

include(CMakePackageConfigHelpers)

set(natkit_config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/natkit)
install(EXPORT natkitTargets NAMESPACE natkit:: DESTINATION ${natkit_config_dir})
foreach(file IN ITEMS natkitConfig natkitCpp)
  configure_package_config_file(
    ${CMAKE_CURRENT_SOURCE_DIR}/cmake/${file}.cmake.in
    ${CMAKE_CURRENT_BINARY_DIR}/${file}.cmake
    INSTALL_DESTINATION ${natkit_config_dir}
    PATH_VARS CMAKE_INSTALL_LIBDIR)
endforeach()
write_basic_package_version_file(
  ${CMAKE_CURRENT_BINARY_DIR}/natkitConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/natkitConfig.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/natkitConfigVersion.cmake
        DESTINATION ${natkit_config_dir} COMPONENT c)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/natkitCpp.cmake
        DESTINATION ${natkit_config_dir})
# The static libraries need BoringSSL's when a program is linked; its headers stay
# out, so that they cannot be mistaken for OpenSSL's.
foreach(library IN ITEMS crypto ssl)
  install(FILES $<TARGET_FILE:natkit_boringssl_${library}>
          DESTINATION ${CMAKE_INSTALL_LIBDIR}/natkit)
endforeach()

# The C API: bindings/c/CMakeLists.txt has the targets.
if(TARGET natkit_shared)
  install(TARGETS natkit_shared natkit_static EXPORT natkitCTargets
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
            COMPONENT c NAMELINK_COMPONENT c
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT c)
  install(EXPORT natkitCTargets NAMESPACE natkit::
          DESTINATION ${natkit_config_dir} COMPONENT c)
  get_target_property(natkit_c_headers natkit_c HEADER_SET)
  install(FILES ${natkit_c_headers}
                ${CMAKE_CURRENT_SOURCE_DIR}/bindings/c/include/natkit/module.modulemap
          DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/natkit COMPONENT c)
  # And what docs/c-api.md leads to.
  install(FILES ${CMAKE_CURRENT_SOURCE_DIR}/LICENSE
                ${CMAKE_CURRENT_SOURCE_DIR}/docs/benchmarks.md
                ${CMAKE_CURRENT_SOURCE_DIR}/docs/c-api.md
                ${CMAKE_CURRENT_SOURCE_DIR}/docs/ice.md
                ${CMAKE_CURRENT_SOURCE_DIR}/docs/nat-behavior.md
                ${CMAKE_CURRENT_SOURCE_DIR}/docs/relay.md
          DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT c)
  install(DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}/bindings/c/examples
          DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT c
          FILES_MATCHING PATTERN "*.[ch]")

  natkit_install_folded_licenses(${CMAKE_INSTALL_DOCDIR}/licenses)

  # Relative, so that the tree may be moved, and --prefix may be given late.
  set(natkit_pc_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
  file(RELATIVE_PATH natkit_pc_prefix /${natkit_pc_dir} /)
  string(REGEX REPLACE "/$" "" natkit_pc_prefix ${natkit_pc_prefix})
  foreach(file IN ITEMS natkit natkit-static)
    configure_file(${CMAKE_CURRENT_SOURCE_DIR}/bindings/c/${file}.pc.in
                   ${CMAKE_CURRENT_BINARY_DIR}/${file}.pc @ONLY)
    install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${file}.pc
            DESTINATION ${natkit_pc_dir} COMPONENT c)
  endforeach()
endif()
