// Prints each record on a line; its lines appear in the daemon's log. For cardinality one. To see what
// becomes of them, records are refused: a value that begins with "fail" is to be tried again, one with
// "poison" is a dead letter, and a tombstone is dropped.
#include <iostream>
#include <stdexcept>

#include "triggerd/worker.hpp"

namespace sdk = triggerd::worker_sdk;

namespace {

void print(const sdk::Record& record) {
  if (!record.value()) throw sdk::Drop("a tombstone");
  if (record.value()->starts_with("fail")) throw std::runtime_error("the value says fail");
  if (record.value()->starts_with("poison")) throw sdk::DeadLetter("the value says poison");
  std::cout << record.topic() << '[' << record.partition() << "] offset " << record.offset() << " attempt "
            << record.attempt() << " key " << record.key().value_or("(null)");
  for (const sdk::Header& header : record.headers()) {
    std::cout << ' ' << header.name << '=' << header.value.value_or("(null)");
  }
  std::cout << ": " << *record.value() << std::endl;
}

}  // namespace

int main() { return sdk::run(print); }
