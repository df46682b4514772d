// What an envelope costs: the encoder beside Boost.JSON, in turns, medians. An event of 790 bytes with three
// headers. payload_encode [ROUNDS]
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "payload/base64.hpp"
#include "payload/envelope.hpp"

namespace {

using namespace triggerd;
using Clock = std::chrono::steady_clock;
namespace json = boost::json;

constexpr int kEvents = 20'000;

const TopicPartition kSource{Topic("orders"), Partition{3}};
const wire::HeaderView kHeaders[] = {
    {"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
    {"content-type", "application/json"},
    {"tenant", "north"}};

std::string value_of_790_bytes() {
  std::string value = "{";
  for (int i = 0; value.size() < 760; ++i)
    value += "\"field" + std::to_string(i) + "\":\"some text of a field, number " + std::to_string(i) + "\",";
  value.resize(788, 'x');
  return value + "\"}";
}

std::string by_boost(const wire::RecordView& record) {
  json::array headers;
  for (const auto& header : record.headers) {
    std::string value;
    payload::append_base64(value, *header.value);
    headers.push_back({{"Key", header.name}, {"Value", value}});
  }
  return json::serialize(json::object{{"Offset", record.offset.value},
                                      {"Partition", kSource.partition.value},
                                      {"Topic", kSource.topic.name()},
                                      {"Timestamp", payload::timestamp_text(record.timestamp)},
                                      {"Value", *record.value},
                                      {"LeaderEpoch", 0},
                                      {"IsPartitionEOF", false},
                                      {"Key", *record.key},
                                      {"Headers", std::move(headers)}});
}

template <typename Encode>
double nanoseconds_an_event(const Encode& encode, wire::RecordView record) {
  std::size_t bytes = 0;
  const auto begin = Clock::now();
  for (int i = 0; i < kEvents; ++i) {
    record.offset.value = i;
    record.timestamp = 1'651'145'068'961 + i / 100;
    bytes += encode(record);
  }
  const std::chrono::duration<double, std::nano> took = Clock::now() - begin;
  if (bytes == 0) std::abort();
  return took.count() / kEvents;
}

double median(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2));
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 21;
  const std::string value = value_of_790_bytes();
  const wire::RecordView record{.offset = Offset{0},
                                .timestamp = 0,
                                .key = "customer-4711",
                                .value = value,
                                .headers = kHeaders,
                                .leader_epoch = 0};
  payload::EnvelopeEncoder encoder(kSource, payload::KeyType::string);
  std::string out;
  encoder.append(out, record);
  std::vector<double> ours, theirs;
  for (int i = 0; i < rounds; ++i) {
    ours.push_back(nanoseconds_an_event(
        [&](const wire::RecordView& r) {
          out.clear();
          encoder.append(out, r);
          return out.size();
        },
        record));
    theirs.push_back(
        nanoseconds_an_event([](const wire::RecordView& r) { return by_boost(r).size(); }, record));
  }
  std::cout << "an envelope of a value of " << value.size() << " bytes and 3 headers, " << rounds
            << " rounds: " << median(ours) << " ns, Boost.JSON " << median(theirs) << " ns (goal: 1200)\n";
}
