# The parts of a bundle (./dev bundle, cmake/bundle.sh): the programs and tests of this build,
# linked once more against one shared library. Each program with the kernels in it takes 10 MB.
# Tests and programs call internal functions, so the library's C files are compiled again with all
# names visible. The kernels' objects are those of the build: they are slow to compile, and callers
# reach them by their backends' tables. Nothing here belongs to "all"; the target is bundle_parts.
if(NOT (RMX_HAVE_CUDA AND RMX_CRITERION_LIBRARIES AND TARGET rmx_testing AND TARGET rmx_bench))
  return()
endif()
set(RMX_BUNDLE ${PROJECT_BINARY_DIR}/bundle) # bin, lib and tests; programs are bundle_NAME here
add_custom_target(bundle_parts)

set(objects)
foreach(part ${RMX_LIBRARY_PARTS})
  if(NOT part MATCHES "^(rmx_core|rmx_cuda_host)$")
    list(APPEND objects $<TARGET_OBJECTS:${part}>)
    continue()
  endif()
  get_target_property(sources ${part} SOURCES)
  add_library(${part}_visible OBJECT EXCLUDE_FROM_ALL ${sources})
  foreach(property COMPILE_OPTIONS COMPILE_DEFINITIONS INCLUDE_DIRECTORIES LINK_LIBRARIES)
    get_target_property(value ${part} ${property})
    if(value)
      set_target_properties(${part}_visible PROPERTIES ${property} "${value}")
    endif()
  endforeach()
  set_target_properties(${part}_visible PROPERTIES POSITION_INDEPENDENT_CODE ON)
  target_compile_options(${part}_visible PRIVATE -fvisibility=default -fno-semantic-interposition)
  list(APPEND objects $<TARGET_OBJECTS:${part}_visible>)
endforeach()

# Libraries inherit DT_RPATH but not DT_RUNPATH. Criterion's own libraries lie beside it, so they
# need the former.
function(rmx_into_bundle target folder)
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE C
    BUILD_WITH_INSTALL_RPATH ON INSTALL_RPATH "$ORIGIN/../lib"
    RUNTIME_OUTPUT_DIRECTORY ${RMX_BUNDLE}/${folder}
    LIBRARY_OUTPUT_DIRECTORY ${RMX_BUNDLE}/${folder})
  target_link_options(${target} PRIVATE LINKER:--disable-new-dtags,--as-needed,--no-undefined)
  add_dependencies(bundle_parts ${target})
endfunction()

add_library(rmx_inside SHARED EXCLUDE_FROM_ALL ${objects})
target_link_libraries(rmx_inside PRIVATE CUDA::cudart Threads::Threads m)
rmx_into_bundle(rmx_inside lib)

# The archives are named as files, because as targets they would bring the static library along.
set(archives rmx_testing rmx_bench rmx_app)
list(TRANSFORM archives REPLACE "(.+)" "$<TARGET_FILE:\\1>" OUTPUT_VARIABLE archive_files)
function(rmx_bundle_program name folder)
  add_executable(bundle_${name} EXCLUDE_FROM_ALL $<TARGET_OBJECTS:${name}>)
  target_link_libraries(bundle_${name} PRIVATE ${archive_files} rmx_inside ${ARGN} hdf5::hdf5
    PkgConfig::XXHASH PkgConfig::INIH PkgConfig::JANSSON ${RMX_PACKING_LIBRARIES} CUDA::cudart
    stdc++ Threads::Threads ${CMAKE_DL_LIBS} m)
  add_dependencies(bundle_${name} ${archives})
  rmx_into_bundle(bundle_${name} ${folder})
endfunction()
foreach(source ${RMX_PROGRAM_SOURCES})
  get_filename_component(name ${source} NAME_WE)
  rmx_bundle_program(${name} bin)
endforeach()
foreach(name ${RMX_TEST_PROGRAMS})
  if(name MATCHES "^test_")
    rmx_bundle_program(${name} tests ${RMX_CRITERION_LIBRARIES})
  else()
    rmx_bundle_program(${name} tests)
  endif()
endforeach()
