find_package(Python3 3.9 REQUIRED COMPONENTS Interpreter)
add_test(NAME tidy COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/tidy.py ${PROJECT_SOURCE_DIR})
add_test(NAME tidy_samples COMMAND Python3::Interpreter ${CMAKE_CURRENT_LIST_DIR}/samples_test.py)
