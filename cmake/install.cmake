# What `cmake --install` and the Debian packages hold, and find_package(attnguard) for programs of one's own (docs/install.md).
#   component tool   the executable, configurations with their tensors, documentation
#   component dev    headers, static libraries, attnguard-config.cmake
include(CMakePackageConfigHelpers)

install(TARGETS attnguard RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT tool)
install(DIRECTORY configs DESTINATION ${CMAKE_INSTALL_DATADIR}/attnguard COMPONENT tool)
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT tool)
install(FILES README.md CHANGELOG.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT tool)

set(attnguard_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/attnguard)
set_target_properties(attnguard_sim PROPERTIES EXPORT_NAME sim)
set_target_properties(attnguard_models PROPERTIES EXPORT_NAME models)
set_target_properties(attnguard_cores PROPERTIES EXPORT_NAME cores)
set_target_properties(attnguard_flags PROPERTIES EXPORT_NAME flags)
install(TARGETS attnguard_sim attnguard_models attnguard_cores attnguard_flags EXPORT attnguard-targets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev)
install(DIRECTORY models src DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/attnguard COMPONENT dev FILES_MATCHING PATTERN "*.h")
install(DIRECTORY examples DESTINATION ${CMAKE_INSTALL_DATADIR}/attnguard COMPONENT dev)
install(EXPORT attnguard-targets NAMESPACE attnguard:: DESTINATION ${attnguard_cmake_dir} COMPONENT dev)

configure_file(cmake/attnguard-config.cmake.in ${PROJECT_BINARY_DIR}/attnguard-config.cmake COPYONLY)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/attnguard-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/attnguard-config.cmake ${PROJECT_BINARY_DIR}/attnguard-config-version.cmake
        DESTINATION ${attnguard_cmake_dir} COMPONENT dev)
export(EXPORT attnguard-targets NAMESPACE attnguard:: FILE ${PROJECT_BINARY_DIR}/attnguard-targets.cmake)

# `cpack` in the build folder: attnguard and libattnguard-dev.
set(CPACK_GENERATOR DEB)
set(CPACK_COMPONENTS_ALL tool dev)
set(CPACK_PACKAGE_NAME attnguard)
set(CPACK_PACKAGE_CONTACT "The attnguard authors <attnguard@example.invalid>" CACHE STRING "Maintainer named in the packages")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_TOOL_PACKAGE_NAME attnguard)
set(CPACK_DEBIAN_TOOL_PACKAGE_SECTION science)
set(CPACK_DEBIAN_TOOL_PACKAGE_SHLIBDEPS ON)
set(CPACK_COMPONENT_TOOL_DESCRIPTION "fault coverage of attention-accelerator checksums, simulated in SystemC")
set(CPACK_DEBIAN_DEV_PACKAGE_NAME libattnguard-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
# What attnguard-config.cmake looks for, and headers of its own that need no finding.
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "libsystemc-dev, libhwy-dev, libfmt-dev, libboost-program-options-dev, nlohmann-json3-dev, libssl-dev, librandom123-dev, pkg-config")
set(CPACK_COMPONENT_DEV_DESCRIPTION "headers and libraries of attnguard: the accelerator's models and the simulator")
include(CPack)
