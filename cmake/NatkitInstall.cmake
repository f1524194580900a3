# Install and export rules: find_package(natkit) gives natkit::base and kin.

include(CMakePackageConfigHelpers)

set(natkit_config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/natkit)
install(EXPORT natkitTargets NAMESPACE natkit:: DESTINATION ${natkit_config_dir})
configure_package_config_file(
  ${CMAKE_CURRENT_SOURCE_DIR}/cmake/natkitConfig.cmake.in
  ${CMAKE_CURRENT_BINARY_DIR}/natkitConfig.cmake
  INSTALL_DESTINATION ${natkit_config_dir})
write_basic_package_version_file(
  ${CMAKE_CURRENT_BINARY_DIR}/natkitConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/natkitConfig.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/natkitConfigVersion.cmake
        DESTINATION ${natkit_config_dir})
