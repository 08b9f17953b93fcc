foreach(PART base text audience config gateway journal pace plan dispatch)
  include(${CMAKE_CURRENT_LIST_DIR}/${PART}.cmake OPTIONAL)
endforeach()
