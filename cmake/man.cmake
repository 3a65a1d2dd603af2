# Manual pages from each program's own --help, where help2man is installed; that of rmx-train has
# the keys of a config too.
find_program(RMX_HELP2MAN help2man)
if(NOT RMX_HELP2MAN OR RMX_SANITIZE)
  return()
endif()
set(RMX_MAN_rmx-train "train a RankMixer model")
set(RMX_MAN_rmx-data "make, import, check and show training data")
set(RMX_MAN_rmx-eval "metrics of a checkpoint on a data set")
set(RMX_MAN_rmx-predict "score the rows of a data set")
set(RMX_MAN_rmx-info "show what a checkpoint holds")
set(RMX_MAN_rmx-bench "time the kernels and whole training steps")
set(RMX_MAN_rmx-verify "show that results are the same bits on this machine")
set(keys ${CMAKE_CURRENT_BINARY_DIR}/rmx-train.keys)
set(script ${CMAKE_CURRENT_SOURCE_DIR}/cmake/man_keys.sed)
add_custom_command(OUTPUT ${keys} DEPENDS rmx-train ${script} VERBATIM
  COMMAND sh -c "\"$1\" --print-keys | sed -nEf \"$2\" >\"$3\"" sh
          $<TARGET_FILE:rmx-train> ${script} ${keys})
set(RMX_MAN_MORE_rmx-train --include=${keys})
foreach(source ${RMX_PROGRAM_SOURCES})
  get_filename_component(name ${source} NAME_WE)
  set(page ${CMAKE_CURRENT_BINARY_DIR}/${name}.1)
  add_custom_command(OUTPUT ${page} DEPENDS ${name} ${keys} VERBATIM
    COMMAND ${RMX_HELP2MAN} --no-info --name=${RMX_MAN_${name}} ${RMX_MAN_MORE_${name}}
            --output=${page} $<TARGET_FILE:${name}>)
  list(APPEND RMX_MAN_PAGES ${page})
endforeach()
if(RMX_MAN_PAGES)
  add_custom_target(man ALL DEPENDS ${RMX_MAN_PAGES})
  if(RMX_INSTALL)
    install(FILES ${RMX_MAN_PAGES} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
  endif()
endif()
