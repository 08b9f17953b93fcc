loa_process_test(kill crash/kill_test.py)
