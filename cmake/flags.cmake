# Flags that decide bits, and flags that find mistakes. With -ffp-contract=off the compiler fuses a
# multiply-add only where numerics.h writes one. -fno-math-errno and -fno-trapping-math change no
# result; they let sqrt and selects be vector instructions.
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
if(PROJECT_IS_TOP_LEVEL)
  set(CMAKE_EXPORT_COMPILE_COMMANDS ON) # for clang-tidy and editors
endif()
if(NOT CMAKE_BUILD_TYPE AND PROJECT_IS_TOP_LEVEL)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
elseif(NOT CMAKE_BUILD_TYPE) # another project's own choice stays as it is
  set(CMAKE_BUILD_TYPE Release)
endif()
# NDEBUG is not set: an assert stays where a bug of ours would be silent. Sanitizers run at -O1.
set(CMAKE_C_FLAGS_RELEASE "-O3 -g1")
set(CMAKE_C_FLAGS_DEBUG "-O1 -g -fno-omit-frame-pointer")
set(RMX_STRICT_FLAGS
  -ffp-contract=off -fno-math-errno -fno-trapping-math -D_GNU_SOURCE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wvla -Wstrict-prototypes
  -fvisibility=hidden)
# ./dev test and ./dev build set it. ./dev train does not: a new compiler's warning must not keep a
# person from training.
option(RMX_WERROR "treat warnings as errors" OFF)
if(RMX_WERROR)
  list(APPEND RMX_STRICT_FLAGS -Werror)
endif()

set(RMX_SANITIZE "" CACHE STRING "address,undefined or thread")
option(RMX_FUZZ "only the tests/fuzz_*.c, by libFuzzer; needs clang" OFF)
if(RMX_FUZZ)
  if(NOT CMAKE_C_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "RMX_FUZZ needs clang: ./dev fuzz, or -DCMAKE_C_COMPILER=clang")
  endif()
  set(RMX_SANITIZE "address,undefined")
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(RMX_SANITIZE)
  add_compile_options(-fsanitize=${RMX_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${RMX_SANITIZE})
endif()

# Flags come from presets, from the command line and from the environment. A flag that would let a
# compiler round in another way than numerics.h writes is refused here; cuda.cmake refuses nvcc's.
# tests/check_flags.sh tests it.
string(CONCAT RMX_INEXACT_FLAGS
  "fast[-_]math|-Ofast|-funsafe-math|-fassociative-math|-freciprocal-math|-ffinite-math-only|"
  "-fno-signed-zeros|-ffp-contract=(fast|on)|-mfpmath=387|-m32|-mdaz-ftz|"
  "fmad=true|ftz=true|prec-(div|sqrt)=false")
function(rmx_refuse_inexact_flags)
  string(TOUPPER "${CMAKE_BUILD_TYPE}" type)
  foreach(language C CUDA)
    if("${CMAKE_${language}_FLAGS} ${CMAKE_${language}_FLAGS_${type}}" MATCHES
       "[^ ]*(${RMX_INEXACT_FLAGS})[^ ]*")
      message(FATAL_ERROR "${CMAKE_MATCH_0} in the ${language} flags allows other roundings than "
              "src/kernels/numerics.h writes: remove it")
    endif()
  endforeach()
endfunction()
rmx_refuse_inexact_flags()
