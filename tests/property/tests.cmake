# The parts of 100,000 random texts against an independent counter.
add_executable(parts_oracle oracle/parts_oracle.cpp)
target_link_libraries(parts_oracle PRIVATE loa_text)
if(NOT LOA_SANITIZE)  # the same counts; only slower
  add_test(NAME parts_oracle COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/oracle/compare.sh
    $<TARGET_FILE:parts_oracle> ${CMAKE_CURRENT_BINARY_DIR})
  set_tests_properties(parts_oracle PROPERTIES TIMEOUT 300)
endif()
