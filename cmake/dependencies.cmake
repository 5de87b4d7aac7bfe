# Everything that the build needs; what is missing is named as Debian packages, all at once.

set(gradus_with_onednn ${GRADUS_ONEDNN})
# WebP is read where its library is there.
find_path(GRADUS_webp_INCLUDE webp/decode.h)
find_library(GRADUS_webp_LIBRARY webp)
set(gradus_with_webp OFF)
if(GRADUS_webp_INCLUDE AND GRADUS_webp_LIBRARY)
  set(gradus_with_webp ON)
endif()
include(cmake/find_libraries.cmake)

gradus_find_package(nlohmann_json nlohmann-json3-dev)
gradus_find_package(CLI11 libcli11-dev)
if(GRADUS_TESTS)
  gradus_find_package(GTest libgtest-dev)
endif()
if(GRADUS_BENCH)
  gradus_find_package(benchmark libbenchmark-dev)
endif()

# As headers only: one file includes each, and nothing more has to be linked or installed with the library.
macro(gradus_find_header name header package)
  find_path(GRADUS_${name}_INCLUDE ${header})
  mark_as_advanced(GRADUS_${name}_INCLUDE)
  if(GRADUS_${name}_INCLUDE)
    add_library(gradus_${name} INTERFACE)
    target_include_directories(gradus_${name} SYSTEM INTERFACE ${GRADUS_${name}_INCLUDE})
  else()
    list(APPEND gradus_missing ${package})
  endif()
endmacro()

gradus_find_header(toml toml++/toml.h libtomlplusplus-dev)
if(TARGET gradus_toml)
  # Its other way to read numbers goes through a stream, which takes a refused allocation for a wrong number.
  target_compile_definitions(gradus_toml INTERFACE TOML_FLOAT_CHARCONV=1)
endif()
gradus_find_header(xxhash xxhash.h libxxhash-dev)

if(gradus_missing)
  list(JOIN gradus_missing " " packages)
  message(FATAL_ERROR "Some libraries are missing. On Debian and Ubuntu:\n  sudo apt-get install ${packages}\n"
                      "or let tools/install_packages.sh install everything that the build needs.")
endif()

# Highway compiles a kernel once for each instruction set: baseline, AVX2 and AVX-512 are worth it, those between
# and beyond only add build time. Newer releases know more of them.
file(STRINGS ${GRADUS_highway_INCLUDE}/hwy/detect_targets.h unwanted
     REGEX "#define HWY_(SSSE3|SSE4|AVX3_DL|AVX3_ZEN4|AVX3_SPR|AVX10_2) ")
list(TRANSFORM unwanted REPLACE "^#define (HWY_[A-Z0-9_]+).*" "\\1")
list(JOIN unwanted "|" unwanted)
add_compile_definitions("HWY_DISABLED_TARGETS=(${unwanted})" HWY_SHARED_DEFINE)
# Threads do not depend on the instruction set, and kernels are most of what takes long to compile.
if(GRADUS_SANITIZE STREQUAL thread)
  add_compile_definitions(HWY_COMPILE_ONLY_STATIC)
endif()
