# Finds what the gradus libraries link; installed too, so that find_package(gradus) does exactly the same.
# Set `gradus_with_onednn` and `gradus_with_webp` first. Afterwards `gradus_missing` lists the Debian packages that are not there.

set(gradus_missing "")

# By header and library file: Debian's CMake package of oneDNN asks for OpenCL's headers, which nothing here needs, and
# Highway's for its test library.
macro(gradus_find_library name header library package)
  find_path(GRADUS_${name}_INCLUDE ${header})
  find_library(GRADUS_${name}_LIBRARY ${library})
  mark_as_advanced(GRADUS_${name}_INCLUDE GRADUS_${name}_LIBRARY)
  if(NOT GRADUS_${name}_INCLUDE OR NOT GRADUS_${name}_LIBRARY)
    list(APPEND gradus_missing ${package})
  elseif(NOT TARGET gradus::${name})
    add_library(gradus::${name} UNKNOWN IMPORTED)
    set_target_properties(gradus::${name} PROPERTIES
      IMPORTED_LOCATION ${GRADUS_${name}_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${GRADUS_${name}_INCLUDE})
  endif()
endmacro()

# For a library that has a CMake package of its own.
macro(gradus_find_package name package)
  find_package(${name} QUIET)
  if(NOT ${name}_FOUND)
    list(APPEND gradus_missing ${package})
  endif()
endmacro()

set(THREADS_PREFER_PTHREAD_FLAG ON)
gradus_find_package(Threads libc6-dev)
gradus_find_package(fmt libfmt-dev)
gradus_find_library(highway hwy/highway.h hwy libhwy-dev)
gradus_find_library(zlib zlib.h z zlib1g-dev)
gradus_find_library(zstd zstd.h zstd libzstd-dev)
gradus_find_library(sndfile sndfile.h sndfile libsndfile1-dev)
gradus_find_library(jpeg jpeglib.h jpeg libjpeg-dev)
gradus_find_library(png png.h png libpng-dev)
if(gradus_with_webp)
  gradus_find_library(webp webp/decode.h webp libwebp-dev)
endif()
gradus_find_library(utf8proc utf8proc.h utf8proc libutf8proc-dev)
if(gradus_with_onednn)
  gradus_find_library(onednn oneapi/dnnl/dnnl.hpp dnnl libdnnl-dev)
endif()
