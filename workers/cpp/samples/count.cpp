// Counts records and the bytes of their values, and says so at the end: the least a handler can do, for
// measuring.
//   command: [triggerd-cpp-count]        for cardinality many
//   command: [triggerd-cpp-count, one]   for cardinality one
#include <cstdint>
#include <cstring>
#include <iostream>

#include "triggerd/worker.hpp"

namespace sdk = triggerd::worker_sdk;

int main(int argc, char** argv) {
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  const auto count = [&](const sdk::Record& record) {
    ++records;
    if (const auto value = record.value()) bytes += value->size();
  };
  const auto count_all = [&](sdk::Records all) {
    for (const sdk::Record& record : all) count(record);
  };
  const bool one = argc > 1 && std::strcmp(argv[1], "one") == 0;
  const int status = one ? sdk::run(sdk::OneHandler(count)) : sdk::run(sdk::ManyHandler(count_all));
  std::cerr << "records=" << records << " bytes=" << bytes << std::endl;
  return status;
}
