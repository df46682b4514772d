const { app } = require("@azure/functions");

app.generic("KafkaTriggerKeyBinary", {
  trigger: {
    type: "kafkaTrigger", name: "event", topic: "orders", brokerList: "BrokerList", consumerGroup: "$Default", dataType: "string",
    cardinality: "ONE", keyDataType: "binary",
  },
  handler: async (event, context) => {
    context.log(JSON.stringify([event.Key, Buffer.from(context.triggerMetadata.key, "base64").toString()]));
  },
});

app.generic("KafkaTriggerValueBinary", {
  trigger: {
    type: "kafkaTrigger", name: "bytes", topic: "orders", brokerList: "BrokerList", consumerGroup: "$Default", dataType: "binary",
    cardinality: "ONE", keyDataType: "binary",
  },
  handler: async (bytes, context) => {
    const { key, offset, partition, topic, timestamp, headers, leaderEpoch, isPartitionEOF } = context.triggerMetadata;
    const shown = Buffer.isBuffer(key) ? key.toString("hex") : key;
    context.log(JSON.stringify([Buffer.isBuffer(bytes), bytes.toString("hex"), shown, topic, partition, offset, timestamp, leaderEpoch,
      isPartitionEOF, headers]));
  },
});

app.generic("KafkaTriggerManyBinary", {
  trigger: {
    type: "kafkaTrigger", name: "all", topic: "orders", brokerList: "BrokerList", consumerGroup: "$Default", dataType: "binary",
    cardinality: "MANY", keyDataType: "int",
  },
  handler: async (all, context) => {
    context.log(JSON.stringify([all.map((bytes) => bytes.toString("hex")), context.triggerMetadata.keyArray]));
  },
});
