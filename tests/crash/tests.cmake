# Two kills at each failpoint where they are built in; else only at random moments, and more of them.
if(LOA_FAILPOINTS)
  set(KILLS 8)
else()
  set(KILLS 60)
endif()
loa_process_test(drill crash/drill_test.py)
set_property(TEST drill APPEND PROPERTY ENVIRONMENT LOA_DRILL_KILLS=${KILLS})
