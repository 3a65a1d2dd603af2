# What `cmake --install` installs of the library: headers, both libraries, a CMake package, a
# pkg-config file, documents, examples and configs. The whole folder may be moved afterwards.
include(CMakePackageConfigHelpers)

install(TARGETS rankmixer rankmixer_shared EXPORT rankmixerTargets)
install(DIRECTORY include/rankmixer DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/rankmixer)
install(EXPORT rankmixerTargets NAMESPACE rankmixer:: DESTINATION ${package})
configure_package_config_file(cmake/rankmixerConfig.cmake.in rankmixerConfig.cmake
                              INSTALL_DESTINATION ${package})
# Before 1.0 a minor version may change the interface; the SONAME says the same.
write_basic_package_version_file(rankmixerConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/rankmixerConfig.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/rankmixerConfigVersion.cmake
        DESTINATION ${package})

file(RELATIVE_PATH RMX_PC_PREFIX /x/${CMAKE_INSTALL_LIBDIR}/pkgconfig /x)
configure_file(cmake/rankmixer.pc.in rankmixer.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/rankmixer.pc
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

install(FILES LICENSE README.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs)
install(DIRECTORY examples DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.c")
install(DIRECTORY configs DESTINATION ${CMAKE_INSTALL_DATADIR}/rankmixer)
