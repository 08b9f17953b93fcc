loa_test(clock_simulation SOURCES simulation/clock_simulation.cpp LINKS loa_dispatch)
loa_test(dispatch_simulation SOURCES simulation/dispatch_simulation.cpp LINKS loa_dispatch)
loa_test(journal_simulation SOURCES simulation/journal_simulation.cpp LINKS loa_journal)
loa_test(doubts_simulation SOURCES simulation/doubts_simulation.cpp LINKS loa_dispatch)
