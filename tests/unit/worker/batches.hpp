// Batches for tests of the worker module.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "wire/record_batch.hpp"

namespace triggerd::worker {

inline std::shared_ptr<const wire::RecordBatch> batch_of(const std::vector<std::string>& values) {
  auto batch = std::make_shared<wire::RecordBatch>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    wire::RecordView record;
    record.offset = Offset{static_cast<std::int64_t>(i)};
    record.timestamp = 1000;
    record.value = values[i];
    if (!batch->append(record)) return nullptr;
  }
  return batch;
}

inline wire::Delivery delivery_of(std::uint64_t id, std::shared_ptr<const wire::RecordBatch> batch) {
  wire::Delivery delivery;
  delivery.id = BatchId{id};
  delivery.source = {Topic("orders"), Partition{2}};
  delivery.epoch = Epoch{5};
  delivery.batch = std::move(batch);
  delivery.count = delivery.batch->size();
  return delivery;
}

inline wire::Delivery delivery_of(std::uint64_t id, std::size_t records) {
  return delivery_of(id, batch_of(std::vector<std::string>(records, "value")));
}

}  // namespace triggerd::worker
