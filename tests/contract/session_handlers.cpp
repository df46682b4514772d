// Handlers for session_sdk_test.cpp: fail where a value says so; session_handlers.py is the same.
//   session_handlers one|many
#include <cstring>
#include <stdexcept>

#include "triggerd/worker.hpp"

namespace sdk = triggerd::worker_sdk;

namespace {

void one(const sdk::Record& record) {
  const std::string reason = "attempt " + std::to_string(record.attempt());
  if (record.value() == "fail") throw std::runtime_error("the value says fail");
  if (record.value() == "retry") throw sdk::Retry(reason, std::chrono::seconds(2));
  if (record.value() == "dead letter") throw sdk::DeadLetter(reason);
  if (record.value() == "drop") throw sdk::Drop(reason);
}

void many(sdk::Records records) {
  sdk::BatchError::Failures failures;
  for (std::size_t i = 0; i < records.size(); ++i) {
    try {
      one(records[i]);
    } catch (const sdk::Retry& error) {
      failures.emplace(i, error);
    } catch (const sdk::DeadLetter& error) {
      failures.emplace(i, error);
    } catch (const sdk::Drop& error) {
      failures.emplace(i, error);
    }
  }
  if (!failures.empty()) throw sdk::BatchError(std::move(failures));
}

}  // namespace

int main(int argc, char** argv) {
  const bool batches = argc > 1 && std::strcmp(argv[1], "many") == 0;
  return batches ? sdk::run(many) : sdk::run(one);
}
