#include "kafka/topic_list.hpp"

#include <regex.h>

namespace triggerd::kafka {
namespace {

struct DestroyMetadata {
  void operator()(const rd_kafka_metadata_t* metadata) const { rd_kafka_metadata_destroy(metadata); }
};

}  // namespace

TopicList list_topics(rd_kafka_t* client, int timeout_ms) {
  const rd_kafka_metadata_t* found = nullptr;
  TopicList list;
  list.error = rd_kafka_metadata(client, 1, nullptr, &found, timeout_ms);
  if (list.error != RD_KAFKA_RESP_ERR_NO_ERROR) return list;
  const std::unique_ptr<const rd_kafka_metadata_t, DestroyMetadata> metadata(found);
  for (int i = 0; i < metadata->topic_cnt; ++i) list.names.emplace_back(metadata->topics[i].topic);
  return list;
}

struct TopicRegex::Compiled {
  explicit Compiled(const std::string& expression)
      : refused(::regcomp(&regex, expression.c_str(), REG_EXTENDED | REG_NOSUB) != 0) {}
  ~Compiled() {
    if (!refused) ::regfree(&regex);
  }
  Compiled(const Compiled&) = delete;
  Compiled& operator=(const Compiled&) = delete;
  regex_t regex{};
  const bool refused;
};

std::optional<TopicRegex> TopicRegex::make(const std::string& topic) {
  auto compiled = std::make_shared<const Compiled>(whole_name(topic));
  if (compiled->refused) return std::nullopt;
  return TopicRegex(std::move(compiled));
}

bool TopicRegex::matches(const std::string& name) const {
  return ::regexec(&compiled_->regex, name.c_str(), 0, nullptr, 0) == 0;
}

}  // namespace triggerd::kafka
