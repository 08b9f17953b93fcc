loa_test(base_test SOURCES unit/base_test.cpp LINKS loa_base)
