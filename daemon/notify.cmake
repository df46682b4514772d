# A target of its own, so that its test links it without the program.
include_guard(GLOBAL)
add_library(triggerd_notify STATIC ${CMAKE_CURRENT_LIST_DIR}/notify.cpp)
target_include_directories(triggerd_notify PUBLIC ${PROJECT_SOURCE_DIR})
target_link_libraries(triggerd_notify PUBLIC triggerd::base PRIVATE triggerd::log triggerd_flags)
