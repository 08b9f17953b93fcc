loa_test(plan_test SOURCES unit/plan_test.cpp LINKS loa_plan)
