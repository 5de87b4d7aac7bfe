# Installs into a fresh folder, runs the installed command, and builds and runs examples/ as an outside project would.
cmake_minimum_required(VERSION 3.25)

function(run)
  execute_process(COMMAND ${ARGV} COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(REMOVE_RECURSE ${WORK})
set(prefix ${WORK}/prefix)
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${prefix})

execute_process(COMMAND ${prefix}/bin/gradus --version OUTPUT_VARIABLE version COMMAND_ERROR_IS_FATAL ANY)
if(NOT version MATCHES "${VERSION}")
  message(FATAL_ERROR "`gradus --version` says '${version}' instead of ${VERSION}.")
endif()
file(GLOB sources RELATIVE ${SOURCE}/recipes ${SOURCE}/recipes/*)
file(GLOB installed RELATIVE ${prefix}/share/gradus/recipes ${prefix}/share/gradus/recipes/*)
if(NOT installed STREQUAL sources)
  message(FATAL_ERROR "Installed recipes are '${installed}' instead of '${sources}'.")
endif()
# A script finds the command that it was installed with.
run(${CMAKE_COMMAND} -E env PATH=${prefix}/bin:$ENV{PATH} ${prefix}/share/gradus/recipes/overfit_lab --seeds 1
    --out ${WORK}/overfit_lab)

run(${CMAKE_COMMAND} -S ${SOURCE}/examples -B ${WORK}/examples -G ${GENERATOR} -D CMAKE_BUILD_TYPE=Release
    -D CMAKE_CXX_COMPILER=${COMPILER} -D CMAKE_PREFIX_PATH=${prefix})
run(${CMAKE_COMMAND} --build ${WORK}/examples)
run(${CMAKE_CTEST_COMMAND} --test-dir ${WORK}/examples --output-on-failure --no-tests=error)
