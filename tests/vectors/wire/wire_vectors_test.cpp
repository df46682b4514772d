// The golden frames against the codec: README.md of this folder.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "unit/wire/records.hpp"

namespace triggerd::wire {
namespace {

namespace json = boost::json;
namespace fs = std::filesystem;

std::string file_text(const fs::path& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string unhex(std::string_view text) {
  std::string out;
  std::string digits;
  for (const char c : text) {
    if (c == '\n') continue;
    digits += c;
    if (digits.size() < 2) continue;
    out += static_cast<char>(std::stoi(digits, nullptr, 16));
    digits.clear();
  }
  return out;
}

std::vector<std::string> names(bool bad) {
  std::vector<std::string> out;
  for (const fs::directory_entry& entry : fs::directory_iterator(TRIGGERD_TESTS_DIR "/vectors/wire")) {
    if (entry.path().extension() != ".hex") continue;
    if ((entry.path().stem().extension() == ".bad") == bad) out.push_back(entry.path().stem().string());
  }
  std::sort(out.begin(), out.end());
  return out;
}

fs::path file(const std::string& name, const char* suffix) {
  return fs::path(TRIGGERD_TESTS_DIR "/vectors/wire") / (name + suffix);
}

std::string text(const json::object& object, const char* name) {
  return std::string(object.at(name).as_string());
}
template <typename T>
T number(const json::object& object, const char* name) {
  return object.at(name).to_number<T>();
}
std::vector<std::string> texts(const json::object& object, const char* name) {
  return json::value_to<std::vector<std::string>>(object.at(name));
}

test::Text bytes(const json::value& value) {
  return value.is_null() ? std::nullopt : test::Text(unhex(value.as_string()));
}

// The value a vector describes, by type; NAME.json is read here and only here.
struct Meaning {
  explicit Meaning(const std::string& name) : root(json::parse(file_text(file(name, ".json"))).as_object()) {}
  std::string type() const { return text(root, "type"); }
  std::uint64_t id() const { return number<std::uint64_t>(root, "id"); }
  const json::object& fields() const { return root.at("fields").as_object(); }
  json::object root;
};

Hello hello(const json::object& f) {
  const json::object& protocol = f.at("protocol").as_object();
  const json::object& credit = f.at("credit").as_object();
  return {number<std::uint32_t>(protocol, "min"),
          number<std::uint32_t>(protocol, "max"),
          text(f, "sdk"),
          number<std::int64_t>(f, "pid"),
          number<std::uint32_t>(f, "concurrency"),
          {number<std::uint32_t>(credit, "records"), number<std::uint64_t>(credit, "bytes")},
          texts(f, "features")};
}

Welcome welcome(const json::object& f) {
  std::optional<Welcome::Azure> azure;
  if (f.contains("payload"))
    azure = {text(f, "keyDataType"), number<std::int64_t>(f, "maxRetryCount"), texts(f, "outputs")};
  return {number<std::uint32_t>(f, "protocol"),
          text(f, "daemon"),
          text(f, "trigger"),
          text(f, "group"),
          number<std::uint32_t>(f, "worker"),
          text(f, "cardinality"),
          text(f, "dataType"),
          text(f, "ordering"),
          number<std::uint32_t>(f, "maxBatchSize"),
          number<std::uint64_t>(f, "timeoutMs"),
          texts(f, "features"),
          azure};
}

const std::map<std::string, Answer::Code> kCodes{{"ok", Answer::Code::ok},
                                                 {"retry", Answer::Code::retry},
                                                 {"deadLetter", Answer::Code::dead_letter},
                                                 {"drop", Answer::Code::drop},
                                                 {"release", Answer::Code::release}};

Ack ack(std::uint64_t id, const json::object& f) {
  Ack out{BatchId{id}, {}};
  for (const json::value& item : f.at("answers").as_array()) {
    const json::object& a = item.as_object();
    out.answers.push_back({number<std::uint32_t>(a, "first"), number<std::uint32_t>(a, "last"),
                           kCodes.at(text(a, "code")), number<std::uint32_t>(a, "retry_after_ms"),
                           text(a, "reason")});
  }
  return out;
}

TopicPartition source(const json::object& f) {
  return {Topic(text(f, "topic")), Partition{number<std::int32_t>(f, "partition")}};
}

Delivery delivery(const Meaning& meaning) {
  const json::object& f = meaning.fields();
  std::vector<test::Record> records;
  for (const json::value& item : f.at("records").as_array()) {
    const json::object& r = item.as_object();
    test::Record record{number<std::int64_t>(r, "offset"),
                        number<std::int64_t>(r, "timestamp"),
                        bytes(r.at("key")),
                        bytes(r.at("value")),
                        {},
                        r.contains("unreadable")};
    for (const json::value& header : r.at("headers").as_array()) {
      record.headers.emplace_back(text(header.as_object(), "name"), bytes(header.at("value")));
    }
    records.push_back(std::move(record));
  }
  Delivery out = test::make_delivery(records);
  out.id = BatchId{meaning.id()};
  out.source = source(f);
  out.epoch = Epoch{number<std::uint32_t>(f, "epoch")};
  out.run = number<std::uint32_t>(f, "run");
  out.attempt = number<std::uint32_t>(f, "attempt");
  out.more = number<int>(meaning.root, "flags") == 1;
  out.leader_epoch = f.contains("leader_epoch") ? number<std::int32_t>(f, "leader_epoch") : -1;
  return out;
}

void check_batch(const Meaning& meaning, const std::string& golden) {
  const Delivery expected = delivery(meaning);
  EXPECT_EQ(test::frame_of(expected), golden);
  const auto message = test::read(golden);
  ASSERT_TRUE(message) << message.error().message;
  const Delivery& got = std::get<Batch>(*message).delivery;
  EXPECT_EQ(test::records_of(got), test::records_of(expected));
  EXPECT_EQ(got.id, expected.id);
  EXPECT_EQ(got.source, expected.source);
  EXPECT_EQ(got.epoch, expected.epoch);
  EXPECT_EQ(got.run, expected.run);
  EXPECT_EQ(got.attempt, expected.attempt);
  EXPECT_EQ(got.more, expected.more);
  EXPECT_EQ(got.leader_epoch, expected.leader_epoch);
}

template <typename T>
void check(const T& expected, const std::string& golden) {
  EXPECT_EQ(test::frame_of(expected), golden);
  const auto message = test::read(golden);
  ASSERT_TRUE(message) << message.error().message;
  ASSERT_TRUE(std::holds_alternative<T>(*message));
  EXPECT_EQ(std::get<T>(*message), expected);
}

class Good : public testing::TestWithParam<std::string> {};
TEST_P(Good, BytesAndMeaningAgree) {
  const Meaning meaning(GetParam());
  const std::string golden = unhex(file_text(file(GetParam(), ".hex")));
  const json::object& f = meaning.fields();
  const std::string type = meaning.type();
  if (type == "hello") return check(hello(f), golden);
  if (type == "welcome") return check(welcome(f), golden);
  if (type == "batch") return check_batch(meaning, golden);
  if (type == "ack") return check(ack(meaning.id(), f), golden);
  if (type == "credit")
    return check(Credit{{number<std::uint32_t>(f, "records"), number<std::uint64_t>(f, "bytes")}}, golden);
  if (type == "cancel") return check(Cancel{source(f), Epoch{number<std::uint32_t>(f, "epoch")}}, golden);
  if (type == "drain") return check(Drain{number<std::uint32_t>(f, "deadline_ms")}, golden);
  if (type == "ping") return check(Ping{meaning.id()}, golden);
  if (type == "pong") return check(Pong{meaning.id()}, golden);
  if (type == "log") return check(Log{text(f, "level"), text(f, "message")}, golden);
  if (type == "bye") return check(Bye{text(f, "code"), text(f, "message")}, golden);
  FAIL() << "unknown type " << type;
}

class Bad : public testing::TestWithParam<std::string> {};
TEST_P(Bad, IsRefusedForItsReason) {
  const json::object about = json::parse(file_text(file(GetParam(), ".json"))).as_object();
  const std::string bad = unhex(file_text(file(GetParam(), ".hex")));
  const auto message = test::read(bad, text(about, "to") == "daemon" ? kMaxWorkerPayload : kMaxDaemonPayload);
  ASSERT_FALSE(message);
  EXPECT_EQ(message.error().code, text(about, "code"));
  EXPECT_NE(message.error().message.find(text(about, "reason")), std::string::npos)
      << message.error().message;
}

std::string test_name(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}
INSTANTIATE_TEST_SUITE_P(Wire, Good, testing::ValuesIn(names(false)), test_name);
INSTANTIATE_TEST_SUITE_P(Wire, Bad, testing::ValuesIn(names(true)), test_name);

}  // namespace
}  // namespace triggerd::wire
