const { app, output } = require("@azure/functions");

const kafkaOutput = output.generic({ type: "kafka", name: "$return", topic: "out", brokerList: "BrokerList" });
const extra = output.generic({ type: "kafka", name: "extra", topic: "extra", brokerList: "BrokerList" });

const results = {
  one: "text", many: ["one", "two"], object: { a: 1 }, nothing: undefined, number: 1.5,
  withHeaders: { Offset: 364, Partition: 0, Topic: "t", Timestamp: "2022-04-09T03:20:06.591Z", Value: "one", Key: "k",
    Headers: [{ Key: "test", Value: "javascript" }] },
};

app.generic("KafkaOutput", {
  trigger: {
    type: "kafkaTrigger", name: "event", topic: "orders", brokerList: "BrokerList", consumerGroup: "$Default", dataType: "string",
    cardinality: "ONE",
  },
  return: kafkaOutput,
  extraOutputs: [extra],
  handler: async (event, context) => {
    if (event.Value === "fail") throw new Error("no output");
    if (event.Value === "extra") context.extraOutputs.set(extra, { both: true });
    return results[event.Value];
  },
});

app.generic("KafkaOutputMany", {
  trigger: {
    type: "kafkaTrigger", name: "events", topic: "orders", brokerList: "BrokerList", consumerGroup: "$Default", dataType: "string",
    cardinality: "MANY",
  },
  return: kafkaOutput,
  handler: async (events) => events.map((event) => event.Value),
});
