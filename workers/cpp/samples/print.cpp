// Prints each record on a line; its lines appear in the daemon's log. For cardinality one. A value that
// begins with "fail" is refused, to see a retry.
#include <iostream>
#include <stdexcept>

#include "triggerd/worker.hpp"

namespace sdk = triggerd::worker_sdk;

namespace {

void print(const sdk::Record& record) {
  if (record.value().value_or("").starts_with("fail")) throw std::runtime_error("the value says fail");
  std::cout << record.topic() << '[' << record.partition() << "] offset " << record.offset() << " attempt "
            << record.attempt() << " key " << record.key().value_or("(null)");
  for (const sdk::Header& header : record.headers()) {
    std::cout << ' ' << header.name << '=' << header.value.value_or("(null)");
  }
  std::cout << ": " << record.value().value_or("(tombstone)") << std::endl;
}

}  // namespace

int main() { return sdk::run(print); }
