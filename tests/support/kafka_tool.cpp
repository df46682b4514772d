// Prepare and inspect real topics from tests, without a JVM: kafka_tool [-b BROKERS] COMMAND ARG...
//
//   create TOPIC PARTITIONS REPLICAS [key=value...]   returns once every partition has a leader
//   grow TOPIC PARTITIONS      trim TOPIC PARTITION OFFSET      delete TOPIC
//   read TOPIC                 [{"partition":…,"offset":…,"timestamp":…,"key":…,"value":…,"headers":…}…], all
//   of it;
//                              printable ASCII as text
//   produce TOPIC              one JSON object a line on stdin: {"key":…,"value":…,"headers":[[name,value]…],
//                              "partition":n,"timestamp":ms}; text, null, or {"hex":"00ff"} for bytes
//   produce-fill TOPIC COUNT SIZE [PER_SECOND]        round robin over the partitions
//   produce-numbered TOPIC COUNT SIZE PER_SECOND KEYS idempotent, acks of all replicas, a key of k0 … each,
//   the
//                              value begins with the record's number; `number partition offset` a line for
//                              each that is delivered. At the end of stdin no more are begun.
//   transact TOPIC NAME        like produce, in transactions of this transactional id: a line
//   {"end":"commit"} or
//                              {"end":"abort"} ends one, its records being at the broker by then
//   configure TOPIC key=value...                      an empty value is the default again
//   ends TOPIC   starts TOPIC  {"0":120,…}            in-sync TOPIC    replicas that are, {"0":3,…}
//   committed GROUP TOPIC      {"0":100,"1":null,…}
//   committed-metadata GROUP TOPIC                    {"0":"text",…}, of partitions with a commit
//   commit GROUP TOPIC PARTITION OFFSET [METADATA]    of a group without members
//   group GROUP {"state":"Stable","coordinator":2,"members":[{"client":…,"partitions":["t[0]",…]}]}
//
// BROKERS defaults to the environment's KAFKA_BROKERS. Results are JSON on stdout; errors end it with
// status 1.
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <boost/json.hpp>

#include "support/kafka_client.hpp"

namespace triggerd::testing {
namespace {

namespace json = boost::json;

// A group's coordinator has no leader yet, or is still reading its log: it will answer soon.
bool passing(rd_kafka_resp_err_t error) {
  return error == RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS ||
         error == RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE || error == RD_KAFKA_RESP_ERR_NOT_COORDINATOR;
}

// Sends an admin request by `start(client, options, queue)` and waits for its answer.
template <typename Start>
Event ask(const Client& client, rd_kafka_admin_op_t kind, Start start) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(kTimeoutMs);
  for (;;) {
    const Queue queue(rd_kafka_queue_new(client.get()));
    const Options options(rd_kafka_AdminOptions_new(client.get(), kind));
    char text[256];
    check(rd_kafka_AdminOptions_set_request_timeout(options.get(), kTimeoutMs, text, sizeof text), "timeout");
    if (kind == RD_KAFKA_ADMIN_OP_CREATETOPICS || kind == RD_KAFKA_ADMIN_OP_CREATEPARTITIONS ||
        kind == RD_KAFKA_ADMIN_OP_DELETETOPICS || kind == RD_KAFKA_ADMIN_OP_DELETERECORDS) {
      check(rd_kafka_AdminOptions_set_operation_timeout(options.get(), kTimeoutMs, text, sizeof text),
            "timeout");
    }
    start(client.get(), options.get(), queue.get());
    Event event(rd_kafka_queue_poll(queue.get(), kTimeoutMs + 1000));
    if (!event) fail("no answer");
    const auto error = rd_kafka_event_error(event.get());
    if (!passing(error) || std::chrono::steady_clock::now() > deadline) {
      if (error != RD_KAFKA_RESP_ERR_NO_ERROR) fail(rd_kafka_event_error_string(event.get()));
      return event;
    }
    rd_kafka_poll(client.get(), 50);
  }
}

void check_topics(const rd_kafka_topic_result_t* const* results, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const auto* text = rd_kafka_topic_result_error_string(results[i]);
    check(rd_kafka_topic_result_error(results[i]),
          text != nullptr ? text : rd_kafka_topic_result_name(results[i]));
  }
}

constexpr std::chrono::seconds kPatience{120};

void create(const Client& client, const Arguments& args) {
  char text[256];
  const int partitions = std::stoi(args.at(1));
  const Owned<rd_kafka_NewTopic_t, rd_kafka_NewTopic_destroy> topic(
      rd_kafka_NewTopic_new(args.at(0).c_str(), partitions, std::stoi(args.at(2)), text, sizeof text));
  if (!topic) fail(text);
  for (std::size_t i = 3; i < args.size(); ++i) {
    const auto equals = args[i].find('=');
    if (equals == std::string::npos) fail("not key=value: " + args[i]);
    check(rd_kafka_NewTopic_set_config(topic.get(), args[i].substr(0, equals).c_str(),
                                       args[i].substr(equals + 1).c_str()),
          args[i]);
  }
  const auto event = ask(client, RD_KAFKA_ADMIN_OP_CREATETOPICS, [&](auto* c, auto* options, auto* queue) {
    rd_kafka_NewTopic_t* topics[] = {topic.get()};
    rd_kafka_CreateTopics(c, topics, 1, options, queue);
  });
  std::size_t count = 0;
  const auto* results =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  // A request whose answer came late was sent twice, and found the topic it had made.
  if (count != 1 || rd_kafka_topic_result_error(results[0]) != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
    check_topics(results, count);
  await_partitions(client, args.at(0), partitions, kPatience);
}

void grow(const Client& client, const Arguments& args) {
  char text[256];
  const int partitions = std::stoi(args.at(1));
  const Owned<rd_kafka_NewPartitions_t, rd_kafka_NewPartitions_destroy> more(rd_kafka_NewPartitions_new(
      args.at(0).c_str(), static_cast<std::size_t>(partitions), text, sizeof text));
  if (!more) fail(text);
  const auto event =
      ask(client, RD_KAFKA_ADMIN_OP_CREATEPARTITIONS, [&](auto* c, auto* options, auto* queue) {
        rd_kafka_NewPartitions_t* list[] = {more.get()};
        rd_kafka_CreatePartitions(c, list, 1, options, queue);
      });
  std::size_t count = 0;
  const auto* result = rd_kafka_event_CreatePartitions_result(event.get());
  check_topics(rd_kafka_CreatePartitions_result_topics(result, &count), count);
  await_partitions(client, args.at(0), partitions, kPatience);
}

void remove(const Client& client, const Arguments& args) {
  const Owned<rd_kafka_DeleteTopic_t, rd_kafka_DeleteTopic_destroy> topic(
      rd_kafka_DeleteTopic_new(args.at(0).c_str()));
  const auto event = ask(client, RD_KAFKA_ADMIN_OP_DELETETOPICS, [&](auto* c, auto* options, auto* queue) {
    rd_kafka_DeleteTopic_t* topics[] = {topic.get()};
    rd_kafka_DeleteTopics(c, topics, 1, options, queue);
  });
  std::size_t count = 0;
  check_topics(rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event.get()), &count),
               count);
}

void trim(const Client& client, const Arguments& args) {
  const List list(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(list.get(), args.at(0).c_str(), std::stoi(args.at(1)))->offset =
      std::stoll(args.at(2));
  const Owned<rd_kafka_DeleteRecords_t, rd_kafka_DeleteRecords_destroy> records(
      rd_kafka_DeleteRecords_new(list.get()));
  const auto event = ask(client, RD_KAFKA_ADMIN_OP_DELETERECORDS, [&](auto* c, auto* options, auto* queue) {
    rd_kafka_DeleteRecords_t* all[] = {records.get()};
    rd_kafka_DeleteRecords(c, all, 1, options, queue);
  });
  const auto* result = rd_kafka_event_DeleteRecords_result(event.get());
  check(rd_kafka_DeleteRecords_result_offsets(result)->elems[0].err, "trim");
}

void configure(const Client& client, const Arguments& args) {
  const Owned<rd_kafka_ConfigResource_t, rd_kafka_ConfigResource_destroy> topic(
      rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, args.at(0).c_str()));
  for (std::size_t i = 1; i < args.size(); ++i) {
    const auto equals = args[i].find('=');
    if (equals == std::string::npos) fail("not key=value: " + args[i]);
    const std::string value = args[i].substr(equals + 1);
    check(rd_kafka_ConfigResource_add_incremental_config(
              topic.get(), args[i].substr(0, equals).c_str(),
              value.empty() ? RD_KAFKA_ALTER_CONFIG_OP_TYPE_DELETE : RD_KAFKA_ALTER_CONFIG_OP_TYPE_SET,
              value.empty() ? nullptr : value.c_str()),
          args[i]);
  }
  const auto event =
      ask(client, RD_KAFKA_ADMIN_OP_INCREMENTALALTERCONFIGS, [&](auto* c, auto* options, auto* queue) {
        rd_kafka_ConfigResource_t* all[] = {topic.get()};
        rd_kafka_IncrementalAlterConfigs(c, all, 1, options, queue);
      });
  std::size_t count = 0;
  const auto* const* results = rd_kafka_IncrementalAlterConfigs_result_resources(
      rd_kafka_event_IncrementalAlterConfigs_result(event.get()), &count);
  check(rd_kafka_ConfigResource_error(results[0]), args[0]);
}

void print(const json::value& value) { std::cout << json::serialize(value) << "\n"; }

void offsets(const Client& client, const std::string& topic, std::int64_t which) {
  const int count = partitions_of(client, topic);
  const List list(rd_kafka_topic_partition_list_new(count));
  for (int i = 0; i < count; ++i)
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), i)->offset = which;
  const auto event = ask(client, RD_KAFKA_ADMIN_OP_LISTOFFSETS, [&](auto* c, auto* options, auto* queue) {
    rd_kafka_ListOffsets(c, list.get(), options, queue);
  });
  std::size_t found = 0;
  const auto* infos =
      rd_kafka_ListOffsets_result_infos(rd_kafka_event_ListOffsets_result(event.get()), &found);
  std::map<int, std::int64_t> sorted;
  for (std::size_t i = 0; i < found; ++i) {
    const auto* entry = rd_kafka_ListOffsetsResultInfo_topic_partition(infos[i]);
    check(entry->err, topic);
    sorted[entry->partition] = entry->offset;
  }
  json::object out;
  for (const auto& [partition, offset] : sorted) out[std::to_string(partition)] = offset;
  print(out);
}

json::value offset_of(const rd_kafka_topic_partition_t& entry) {
  return entry.offset >= 0 ? json::value(entry.offset) : json::value();
}

json::value text_of(const rd_kafka_topic_partition_t& entry) {
  return json::string(std::string_view(static_cast<const char*>(entry.metadata), entry.metadata_size));
}

void committed(const Client& client, const Arguments& args,
               json::value (*what)(const rd_kafka_topic_partition_t&)) {
  const int count = partitions_of(client, args.at(1));
  const List list(rd_kafka_topic_partition_list_new(count));
  for (int i = 0; i < count; ++i) rd_kafka_topic_partition_list_add(list.get(), args.at(1).c_str(), i);
  const Owned<rd_kafka_ListConsumerGroupOffsets_t, rd_kafka_ListConsumerGroupOffsets_destroy> request(
      rd_kafka_ListConsumerGroupOffsets_new(args.at(0).c_str(), list.get()));
  const auto event =
      ask(client, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS, [&](auto* c, auto* options, auto* queue) {
        rd_kafka_ListConsumerGroupOffsets_t* all[] = {request.get()};
        rd_kafka_ListConsumerGroupOffsets(c, all, 1, options, queue);
      });
  std::size_t groups = 0;
  const auto* results = rd_kafka_ListConsumerGroupOffsets_result_groups(
      rd_kafka_event_ListConsumerGroupOffsets_result(event.get()), &groups);
  check(rd_kafka_group_result_error(results[0]), args.at(0));
  const auto* partitions = rd_kafka_group_result_partitions(results[0]);
  json::object out;
  for (int i = 0; i < partitions->cnt; ++i) {
    const auto& entry = partitions->elems[i];
    check(entry.err, args.at(1));
    if (entry.offset >= 0 || what == offset_of) out[std::to_string(entry.partition)] = what(entry);
  }
  print(out);
}

void commit(const Client& client, const Arguments& args) {
  const List list(rd_kafka_topic_partition_list_new(1));
  auto& entry = *rd_kafka_topic_partition_list_add(list.get(), args.at(1).c_str(), std::stoi(args.at(2)));
  entry.offset = std::stoll(args.at(3));
  if (args.size() > 4) {  // the list owns it, and frees it
    entry.metadata = strndup(args[4].data(), args[4].size());
    entry.metadata_size = args[4].size();
  }
  const Owned<rd_kafka_AlterConsumerGroupOffsets_t, rd_kafka_AlterConsumerGroupOffsets_destroy> request(
      rd_kafka_AlterConsumerGroupOffsets_new(args.at(0).c_str(), list.get()));
  const auto event =
      ask(client, RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS, [&](auto* c, auto* options, auto* queue) {
        rd_kafka_AlterConsumerGroupOffsets_t* all[] = {request.get()};
        rd_kafka_AlterConsumerGroupOffsets(c, all, 1, options, queue);
      });
  std::size_t groups = 0;
  const auto* const* results = rd_kafka_AlterConsumerGroupOffsets_result_groups(
      rd_kafka_event_AlterConsumerGroupOffsets_result(event.get()), &groups);
  check(rd_kafka_group_result_error(results[0]), args[0]);
  check(rd_kafka_group_result_partitions(results[0])->elems[0].err, args[1]);
}

void in_sync(const Client& client, const Arguments& args) {
  json::object out;
  const auto topic = metadata_of(client, args.at(0));
  for (int i = 0; i < topic->topics[0].partition_cnt; ++i) {
    const auto& partition = topic->topics[0].partitions[i];
    out[std::to_string(partition.id)] = partition.isr_cnt;
  }
  print(out);
}

json::object describe(const rd_kafka_MemberDescription_t* member) {
  json::array partitions;
  const auto* assignment = rd_kafka_MemberDescription_assignment(member);
  const auto* list = assignment != nullptr ? rd_kafka_MemberAssignment_partitions(assignment) : nullptr;
  for (int i = 0; list != nullptr && i < list->cnt; ++i) {
    partitions.push_back(json::string(std::string(list->elems[i].topic) + "[" +
                                      std::to_string(list->elems[i].partition) + "]"));
  }
  return {{"client", rd_kafka_MemberDescription_client_id(member)}, {"partitions", std::move(partitions)}};
}

void group(const Client& client, const Arguments& args) {
  const auto event =
      ask(client, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, [&](auto* c, auto* options, auto* queue) {
        const char* names[] = {args.at(0).c_str()};
        rd_kafka_DescribeConsumerGroups(c, names, 1, options, queue);
      });
  std::size_t count = 0;
  const auto* groups = rd_kafka_DescribeConsumerGroups_result_groups(
      rd_kafka_event_DescribeConsumerGroups_result(event.get()), &count);
  check(rd_kafka_ConsumerGroupDescription_error(groups[0]), args.at(0));
  json::array members;
  for (std::size_t i = 0; i < rd_kafka_ConsumerGroupDescription_member_count(groups[0]); ++i) {
    members.push_back(describe(rd_kafka_ConsumerGroupDescription_member(groups[0], i)));
  }
  const auto* state = rd_kafka_consumer_group_state_name(rd_kafka_ConsumerGroupDescription_state(groups[0]));
  const auto* coordinator = rd_kafka_ConsumerGroupDescription_coordinator(groups[0]);
  print(json::object{{"state", state},
                     {"coordinator", coordinator != nullptr ? rd_kafka_Node_id(coordinator) : -1},
                     {"members", std::move(members)}});
}

void run(Arguments args) {
  const char* environment = std::getenv("KAFKA_BROKERS");
  std::string brokers = environment != nullptr ? environment : "";
  if (args.size() > 1 && args[0] == "-b") {
    brokers = args[1];
    args.erase(args.begin(), args.begin() + 2);
  }
  if (args.empty() || brokers.empty())
    fail("kafka_tool [-b BROKERS] COMMAND ARG...; the source lists the commands");
  const std::string command = args[0];
  args.erase(args.begin());
  const std::map<std::string, std::function<void(const Client&, const Arguments&)>> commands = {
      {"create", create},
      {"grow", grow},
      {"trim", trim},
      {"delete", remove},
      {"configure", configure},
      {"commit", commit},
      {"in-sync", in_sync},
      {"committed", [](const Client& c, const Arguments& a) { committed(c, a, offset_of); }},
      {"committed-metadata", [](const Client& c, const Arguments& a) { committed(c, a, text_of); }},
      {"group", group},
      {"ends", [](const Client& c, const Arguments& a) { offsets(c, a.at(0), RD_KAFKA_OFFSET_SPEC_LATEST); }},
      {"starts",
       [](const Client& c, const Arguments& a) { offsets(c, a.at(0), RD_KAFKA_OFFSET_SPEC_EARLIEST); }}};
  if (command == "produce") return produce(brokers, args);
  if (command == "transact") return transact(brokers, args);
  if (command == "read") return read(brokers, args);
  if (command == "produce-fill") return produce_fill(brokers, args);
  if (command == "produce-numbered") return produce_numbered(brokers, args);
  const auto found = commands.find(command);
  if (found == commands.end()) fail("no command " + command);
  found->second(connect(brokers), args);
}

}  // namespace
}  // namespace triggerd::testing

int main(int argc, char** argv) {
  try {
    triggerd::testing::run(triggerd::testing::Arguments(argv + 1, argv + argc));
    return 0;
  } catch (const std::out_of_range&) {
    std::cerr << "kafka_tool: too few arguments; the source lists the commands\n";
    return 64;
  } catch (const std::exception& error) {
    std::cerr << "kafka_tool: " << error.what() << "\n";
    return 1;
  }
}
