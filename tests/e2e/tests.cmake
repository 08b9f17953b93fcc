# Real processes: the built loa and loa-sim.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
function(loa_process_test NAME SCRIPT)
  add_test(NAME ${NAME} COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/${SCRIPT})
  set_tests_properties(${NAME} PROPERTIES TIMEOUT 600 ENVIRONMENT
    "LOA=$<TARGET_FILE:loa>;LOA_SIM=$<TARGET_FILE:loa-sim>;PYTHONDONTWRITEBYTECODE=1;PYTHONPATH=${CMAKE_CURRENT_SOURCE_DIR}/e2e")
endfunction()

loa_process_test(e2e_send e2e/send_test.py)
loa_process_test(e2e_check e2e/check_test.py)
loa_process_test(e2e_hostile e2e/hostile_test.py)
loa_process_test(e2e_doubts e2e/doubts_test.py)
loa_process_test(e2e_redis e2e/redis_test.py)

# The API and its description.
add_test(NAME api_contract COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/e2e/contract.sh $<TARGET_FILE:api_test>
  ${PROJECT_SOURCE_DIR}/src/api/openapi.yaml ${CMAKE_CURRENT_BINARY_DIR})
set_tests_properties(api_contract PROPERTIES TIMEOUT 300)
loa_process_test(e2e_user e2e/user_test.py)
loa_process_test(e2e_client e2e/client_test.py)
loa_process_test(e2e_completion e2e/completion_test.py)
loa_process_test(e2e_man e2e/man_test.py)
loa_process_test(e2e_api e2e/api_test.py)
set_property(TEST e2e_api APPEND PROPERTY ENVIRONMENT "LOA_CONTRACT=${CMAKE_CURRENT_BINARY_DIR}/contract")
set_tests_properties(e2e_api PROPERTIES DEPENDS api_contract)
loa_process_test(e2e_people e2e/people_test.py)
