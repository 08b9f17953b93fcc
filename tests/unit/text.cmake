loa_test(text_test SOURCES unit/text_test.cpp LINKS loa_text)
