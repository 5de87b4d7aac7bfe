# `cmake --install` and `cpack` (a .deb): the command, the libraries, their headers, the recipes and a CMake package.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(layers gradus_base gradus_tensor gradus_autograd gradus_nn gradus_optim gradus_data gradus_classic gradus_metrics
    gradus_train)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/gradus)

install(TARGETS ${layers} gradus_all EXPORT gradusTargets INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT gradusTargets NAMESPACE gradus:: DESTINATION ${package_dir})
configure_package_config_file(cmake/gradusConfig.cmake.in gradusConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(gradusConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/gradusConfig.cmake ${PROJECT_BINARY_DIR}/gradusConfigVersion.cmake
              cmake/find_libraries.cmake DESTINATION ${package_dir})

# Left out is what only the library's own files include.
install(DIRECTORY gradus/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/gradus
        FILES_MATCHING PATTERN "*.h" PATTERN "*-inl.h" EXCLUDE PATTERN "*_simd.h" EXCLUDE
        PATTERN "walk.h" EXCLUDE PATTERN "gemm.h" EXCLUDE PATTERN "option.h" EXCLUDE PATTERN "system.h" EXCLUDE
        PATTERN "linear_online.h" EXCLUDE PATTERN "image_codecs.h" EXCLUDE)
install(DIRECTORY recipes/ DESTINATION ${CMAKE_INSTALL_DATADIR}/gradus/recipes FILES_MATCHING PATTERN "*.toml" PATTERN "*.sh")
install(PROGRAMS recipes/autoencoder_clusters recipes/optimizer_race recipes/overfit_lab recipes/missing_word DESTINATION ${CMAKE_INSTALL_DATADIR}/gradus/recipes)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright OPTIONAL)
if(TARGET gradus)
  install(TARGETS gradus)
endif()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGE_CONTACT "The gradus authors")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# Only those who compile against the library need these.
string(CONCAT CPACK_DEBIAN_PACKAGE_SUGGESTS "cmake (>= 3.25), g++, libdnnl-dev, libfmt-dev, libhwy-dev, libjpeg-dev, "
       "libpng-dev, libsndfile1-dev, libutf8proc-dev, libwebp-dev, libzstd-dev, zlib1g-dev")
include(CPack)
