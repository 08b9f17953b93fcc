loa_test(base_test SOURCES unit/base_test.cpp LINKS loa_base)
loa_test(text_test SOURCES unit/text_test.cpp LINKS loa_text)
loa_test(audience_test SOURCES unit/audience_test.cpp LINKS loa_audience)
loa_test(document_test SOURCES unit/document_test.cpp LINKS loa_config)
loa_test(campaign_test SOURCES unit/campaign_test.cpp LINKS loa_campaign)
loa_test(guard_test SOURCES unit/guard_test.cpp LINKS loa_campaign)
<<<<<<< HEAD
=======
loa_test(canonical_test SOURCES unit/canonical_test.cpp LINKS loa_campaign)
>>>>>>> 998a15aa21cadb2cb478a109555846b5c0af140b
loa_test(repeat_test SOURCES unit/repeat_test.cpp LINKS loa_campaign)
loa_test(gateway_test SOURCES unit/gateway_test.cpp LINKS loa_gateway)
loa_test(journal_test SOURCES unit/journal_test.cpp LINKS loa_journal)
loa_test(pace_test SOURCES unit/pace_test.cpp LINKS loa_pace)
loa_test(plan_test SOURCES unit/plan_test.cpp LINKS loa_plan)
loa_test(ladder_test SOURCES unit/ladder_test.cpp LINKS loa_dispatch)
loa_test(dispatch_test SOURCES unit/dispatch_test.cpp LINKS loa_audit loa_dispatch)
loa_test(drill_test SOURCES unit/drill_test.cpp LINKS loa_drill)
loa_test(store_test SOURCES unit/store_test.cpp LINKS loa_dispatch)
