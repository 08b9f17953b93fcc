loa_test(curl_http_test SOURCES net/curl_http_test.cpp LINKS loa_net)
target_compile_definitions(curl_http_test PRIVATE LOA_TEST_SERVER="${CMAKE_CURRENT_SOURCE_DIR}/net/server.mjs")
set_tests_properties(curl_http_test PROPERTIES TIMEOUT 120)

loa_test(carrier_faults_test SOURCES net/carrier_answers_test.cpp net/carrier_connections_test.cpp net/carrier.cpp
  LINKS loa_dispatch OpenSSL::SSL)
set_tests_properties(carrier_faults_test PROPERTIES TIMEOUT 120)

loa_test(redis_test SOURCES net/redis_test.cpp LINKS loa_net PkgConfig::hiredis)
set_tests_properties(redis_test PROPERTIES TIMEOUT 120)
loa_test(http_server_test SOURCES net/http_server_test.cpp net/carrier.cpp LINKS loa_net OpenSSL::SSL)
set_tests_properties(http_server_test PROPERTIES TIMEOUT 120)
