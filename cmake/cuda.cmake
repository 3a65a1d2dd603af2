# The CUDA backend: src/kernels/cuda/*.cu and *.c become a part of librankmixer. RMX_CUDA=AUTO
# builds it where nvcc is found, ON fails without nvcc, OFF does not look. A build with CUDA still
# runs where there is no driver.
set(RMX_HAVE_CUDA FALSE CACHE INTERNAL "")
set(RMX_CUDA_LIBRARIES)
set_property(CACHE RMX_CUDA PROPERTY STRINGS AUTO ON OFF)
file(GLOB RMX_CUDA_SOURCES CONFIGURE_DEPENDS src/kernels/cuda/*.cu)
file(GLOB RMX_CUDA_HOST_SOURCES CONFIGURE_DEPENDS src/kernels/cuda/*.c)
if(NOT RMX_CUDA OR NOT RMX_CUDA_SOURCES)
  if(RMX_CUDA AND NOT RMX_CUDA STREQUAL "AUTO")
    message(FATAL_ERROR "RMX_CUDA=${RMX_CUDA}, but there is no src/kernels/cuda/*.cu")
  endif()
  return()
endif()

# nvcc need not be on PATH: this looks at its usual place too.
find_program(RMX_NVCC nvcc HINTS ENV CUDACXX ENV CUDA_PATH PATHS /usr/local/cuda PATH_SUFFIXES bin)
if(RMX_NVCC AND NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
  set(CMAKE_CUDA_COMPILER ${RMX_NVCC})
endif()
set(CMAKE_CUDA_ARCHITECTURES OFF) # RMX_CUDA_FLAGS has them, as CMake lacks a way to name one
if(RMX_CUDA STREQUAL "AUTO")
  include(CheckLanguage)
  check_language(CUDA)
  if(NOT CMAKE_CUDA_COMPILER)
    message(STATUS "CUDA: nvcc not found, the library is built for the CPU only")
    return()
  endif()
endif()
enable_language(CUDA)
find_package(CUDAToolkit REQUIRED)
rmx_refuse_inexact_flags()

set(CMAKE_CUDA_STANDARD 17)
set(CMAKE_CUDA_STANDARD_REQUIRED ON)
set(CMAKE_CUDA_EXTENSIONS OFF)
set(CMAKE_CUDA_FLAGS_RELEASE "-O3") # lines for a profiler: -DCMAKE_CUDA_FLAGS=-lineinfo
# sm_80 is for Ampere and Ada, sm_90a for Hopper with TMA, the PTX for later devices. There is no
# -Wshadow, because CUDA's headers have global names such as half.
set(RMX_CUDA_FLAGS
  "SHELL:-gencode arch=compute_80,code=sm_80"
  "SHELL:-gencode arch=compute_90a,code=sm_90a"
  "SHELL:-gencode arch=compute_90,code=compute_90"
  -fmad=false -ftz=false -prec-div=true -prec-sqrt=true
  -Xcompiler=-Wall,-Wextra,-ffp-contract=off,-fvisibility=hidden)
if(CMAKE_CUDA_COMPILER_VERSION VERSION_GREATER_EQUAL 13.0)
  # A fifth of the size. Drivers before 12.4 cannot unpack it, but nvcc 13 needs a newer one anyway.
  list(APPEND RMX_CUDA_FLAGS --compress-mode=size)
endif()
if(RMX_WERROR)
  list(APPEND RMX_CUDA_FLAGS "SHELL:-Werror all-warnings" -Xcompiler=-Werror)
endif()

rmx_library_code(rmx_cuda ${RMX_CUDA_SOURCES})
target_compile_options(rmx_cuda PRIVATE ${RMX_CUDA_FLAGS})
rmx_library_code(rmx_cuda_host ${RMX_CUDA_HOST_SOURCES})
target_compile_options(rmx_cuda_host PRIVATE ${RMX_STRICT_FLAGS})
target_include_directories(rmx_cuda_host PRIVATE ${CUDAToolkit_INCLUDE_DIRS})
# The runtime is linked statically. A program starts without any library of CUDA, looks for the
# driver, and goes on without it.
set(RMX_CUDA_LIBRARIES CUDA::cudart_static)
set(RMX_PC_CUDA "-L${CUDAToolkit_LIBRARY_DIR} -lcudart_static -lrt -ldl -lstdc++")
set(RMX_HAVE_CUDA TRUE CACHE INTERNAL "") # tests/run.sh looks for it
message(STATUS "CUDA: ${CMAKE_CUDA_COMPILER} ${CMAKE_CUDA_COMPILER_VERSION}")
