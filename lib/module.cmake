# triggerd_module(NAME SOURCES file... [DEPENDS target...])
# One folder of lib/ is one static library, triggerd::NAME, included as "NAME/file.hpp".
function(triggerd_module name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_library(triggerd_${name} STATIC ${ARG_SOURCES})
  add_library(triggerd::${name} ALIAS triggerd_${name})
  target_include_directories(triggerd_${name} PUBLIC ${PROJECT_SOURCE_DIR}/lib)
  target_link_libraries(triggerd_${name} PUBLIC ${ARG_DEPENDS} PRIVATE triggerd_flags)
  target_compile_features(triggerd_${name} PUBLIC cxx_std_20)
endfunction()

# triggerd_test(NAME SOURCES file... [DEPENDS target...] [LABELS label...])
# One GoogleTest program, one ctest entry. The timeout ends what hangs; a sanitizer on a busy machine stays far below it.
function(triggerd_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;LABELS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} GTest::gtest_main triggerd_flags)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_compile_definitions(${name} PRIVATE TRIGGERD_TESTS_DIR="${PROJECT_SOURCE_DIR}/tests"
    TRIGGERD_BINARY_DIR="${PROJECT_BINARY_DIR}")
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  add_test(NAME ${name} COMMAND ${name} --gtest_brief=1)
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT 900
    ENVIRONMENT_MODIFICATION "TSAN_OPTIONS=set:halt_on_error=1:suppressions=${PROJECT_SOURCE_DIR}/tests/support/tsan.supp")
endfunction()
