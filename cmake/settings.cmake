# Options and compiler flags of everything in this tree. None of it reaches projects that use the installed library.

option(GRADUS_ONEDNN "Matrix products in f32 by oneDNN (OFF: our own)" ON)
option(GRADUS_POOL "Keep tensor memory between steps (OFF: each tensor is its own allocation, for sanitizers)" ON)
set(GRADUS_SANITIZE "" CACHE STRING "Value of -fsanitize=, such as address,undefined or thread")
option(GRADUS_WERROR "Warnings are errors" OFF)
option(GRADUS_TESTS "Build the tests and the examples" ${PROJECT_IS_TOP_LEVEL})
option(GRADUS_BENCH "Build the micro-benchmarks" OFF)
option(GRADUS_UNITY "Compile the library's files eight at a time: quicker as a whole, slower after a change" ON)
option(GRADUS_FUZZ "Build the fuzz targets for libFuzzer (clang only)" OFF)

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Kind of build" FORCE)
endif()

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
# The static libraries can go into a shared one, such as a plug-in.
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

# A fused multiply-add is written, never inferred: results must not depend on what the compiler merges.
add_compile_options(-ffp-contract=off -fno-math-errno)
add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion)
# g++ 12 warns falsely about every `"text" + std::string` (its bug 105651).
add_compile_options($<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
if(GRADUS_WERROR)
  add_compile_options(-Werror)
endif()

if(GRADUS_SANITIZE)
  add_compile_options(-fsanitize=${GRADUS_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${GRADUS_SANITIZE})
  # g++ warns falsely about values that its own instrumentation reads.
  add_compile_options($<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
endif()

if(GRADUS_FUZZ)
  # Counts branches for the fuzzer; the fuzzer itself, with its main, is linked to the targets alone.
  add_compile_options(-fsanitize=fuzzer-no-link)
  add_link_options(-fsanitize=fuzzer-no-link)
endif()

# A name in an unnamed namespace is then one for its whole folder.
function(gradus_compile_together target)
  if(NOT GRADUS_UNITY)
    return()
  endif()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
  get_target_property(type ${target} TYPE)
  if(NOT type STREQUAL INTERFACE_LIBRARY)
    # g++ takes the files for headers, in which an unnamed namespace would be a mistake.
    target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
  endif()
endfunction()
