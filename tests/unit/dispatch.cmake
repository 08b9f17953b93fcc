loa_test(dispatch_test SOURCES unit/dispatch_test.cpp LINKS loa_audit loa_dispatch)
