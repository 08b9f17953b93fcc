loa_test(document_test SOURCES unit/document_test.cpp LINKS loa_config)
if(TARGET loa_campaign)
  loa_test(campaign_test SOURCES unit/campaign_test.cpp LINKS loa_campaign)
endif()
