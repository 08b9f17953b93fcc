loa_test(journal_test SOURCES unit/journal_test.cpp LINKS loa_journal)
