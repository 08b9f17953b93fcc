loa_test(pace_test SOURCES unit/pace_test.cpp LINKS loa_pace)
