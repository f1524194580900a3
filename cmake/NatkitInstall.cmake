# Install and export rules: find_package(natkit) gives natkit::base and kin.

include(CMakePackageConfigHelpers)

set(natkit_config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/natkit)
install(EXPORT natkitTargets NAMESPACE natkit:: DESTINATION ${natkit_config_dir})
configure_package_config_file(
  ${CMAKE_CURRENT_SOURCE_DIR}/cmake/natkitConfig.cmake.in
  ${CMAKE_CURRENT_BINARY_DIR}/natkitConfig.cmake
  INSTALL_DESTINATION ${natkit_config_dir}
  PATH_VARS CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file(
  ${CMAKE_CURRENT_BINARY_DIR}/natkitConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
# The static libraries need BoringSSL's when a program is linked; its headers stay
# out, so that they cannot be mistaken for OpenSSL's.
foreach(library IN ITEMS crypto ssl)
  install(FILES $<TARGET_FILE:natkit_boringssl_${library}>
          DESTINATION ${CMAKE_INSTALL_LIBDIR}/natkit)
endforeach()
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/natkitConfig.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/natkitConfigVersion.cmake
        DESTINATION ${natkit_config_dir})
