# Makes the .deb and looks inside: the command, the recipes, and dependencies that were found rather than written down.
cmake_minimum_required(VERSION 3.25)

file(REMOVE_RECURSE ${WORK})
execute_process(COMMAND ${CMAKE_CPACK_COMMAND} --config ${BUILD}/CPackConfig.cmake -G DEB -B ${WORK}
                COMMAND_ERROR_IS_FATAL ANY)
file(GLOB package ${WORK}/gradus_${VERSION}_*.deb)
if(NOT package)
  message(FATAL_ERROR "cpack left no gradus_${VERSION}_*.deb in ${WORK}.")
endif()

execute_process(COMMAND dpkg-deb --contents ${package} OUTPUT_VARIABLE contents COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND dpkg-deb --field ${package} Depends OUTPUT_VARIABLE depends COMMAND_ERROR_IS_FATAL ANY)
foreach(path bin/gradus share/gradus/recipes/ lib/cmake/gradus/gradusConfig.cmake)
  if(NOT contents MATCHES "\\./usr/${path}")
    message(FATAL_ERROR "${package} holds no /usr/${path}:\n${contents}")
  endif()
endforeach()
if(NOT depends MATCHES "libc6 .*libfmt" OR NOT depends MATCHES "libhwy")
  message(FATAL_ERROR "${package} depends on '${depends}': libc6, libfmt and libhwy should be there.")
endif()
