foreach(PART base text audience config gateway core cli)
  include(${CMAKE_CURRENT_LIST_DIR}/${PART}.cmake OPTIONAL)
endforeach()
