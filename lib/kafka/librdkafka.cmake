# The imported target rdkafka: our own static build (deploy/setup/librdkafka), or the system's where asked for.
if(TRIGGERD_SYSTEM_RDKAFKA)
  pkg_check_modules(SYSTEM_RDKAFKA REQUIRED IMPORTED_TARGET rdkafka>=2.12)
  add_library(rdkafka ALIAS PkgConfig::SYSTEM_RDKAFKA)
  return()
endif()
if(TRIGGERD_SANITIZE STREQUAL "thread")
  set(variant --tsan)
endif()
execute_process(COMMAND ${PROJECT_SOURCE_DIR}/deploy/setup/librdkafka ${variant}
  OUTPUT_VARIABLE RDKAFKA_PREFIX OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
pkg_check_modules(RDKAFKA_NEEDS REQUIRED IMPORTED_TARGET libsasl2 libzstd liblz4 libcurl zlib)
add_library(rdkafka STATIC IMPORTED)
set_target_properties(rdkafka PROPERTIES IMPORTED_LOCATION ${RDKAFKA_PREFIX}/lib/librdkafka.a
  INTERFACE_INCLUDE_DIRECTORIES ${RDKAFKA_PREFIX}/include)
target_link_libraries(rdkafka INTERFACE PkgConfig::RDKAFKA_NEEDS OpenSSL::SSL OpenSSL::Crypto Threads::Threads m dl)
