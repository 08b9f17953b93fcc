# Alert rules and dashboard against the metrics there are; needs promtool (Debian: prometheus).
add_test(NAME monitoring COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_LIST_DIR}/monitoring_test.py)
