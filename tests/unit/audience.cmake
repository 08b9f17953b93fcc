loa_test(audience_test SOURCES unit/audience_test.cpp LINKS loa_audience)
