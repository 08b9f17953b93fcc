if(TARGET loa_gateway)
  loa_test(gateway_test SOURCES unit/gateway_test.cpp LINKS loa_gateway)
endif()
