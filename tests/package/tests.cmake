# The unit, by systemd itself. The package is tested by scripts/package (.ci/run), on a system of its own.
add_test(NAME unit COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_LIST_DIR}/unit_test.py
  ${PROJECT_SOURCE_DIR}/systemd/loa.service $<TARGET_FILE:loa>)
