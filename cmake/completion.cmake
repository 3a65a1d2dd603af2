# Completion in bash: one file, found by the name of each program.
if(RMX_INSTALL)
  foreach(source ${RMX_PROGRAM_SOURCES})
    get_filename_component(name ${source} NAME_WE)
    install(FILES cmake/completion.bash RENAME ${name}
            DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
  endforeach()
endif()
