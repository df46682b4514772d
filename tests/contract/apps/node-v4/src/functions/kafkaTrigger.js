const { app } = require("@azure/functions");

app.generic("KafkaTrigger", {
  trigger: {
    type: "kafkaTrigger", name: "event", topic: "orders", brokerList: "BrokerList", consumerGroup: "$Default", dataType: "string",
    cardinality: "ONE",
  },
  handler: (event, context) => {
    context.log("Event Offset:", event.Offset, "Value:", event.Value);
    context.info(JSON.stringify([context.triggerMetadata, context.functionName, context.options.trigger.type]));
    context.warn(JSON.stringify([context.traceContext, context.retryContext]));
    context.debug("invocation", context.invocationId);
  },
});

app.generic("KafkaTriggerMany", {
  trigger: {
    type: "kafkaTrigger", name: "events", topic: "orders", brokerList: "BrokerList", consumerGroup: "$Default", dataType: "string",
    cardinality: "MANY",
  },
  handler: async (events, context) => {
    for (const [index, event] of events.entries()) {
      const { keyArray, offsetArray, partitionArray, topicArray } = context.triggerMetadata;
      context.log(`${topicArray[index]}/${partitionArray[index]}@${offsetArray[index]} ${keyArray[index]}: ${event.Value}`);
    }
  },
});

app.generic("KafkaTriggerWithHeaders", {
  trigger: {
    type: "kafkaTrigger", name: "event", topic: "orders", brokerList: "BrokerList", consumerGroup: "$Default", dataType: "string",
    cardinality: "ONE",
  },
  handler: async (event, context) => {
    for (const { Key, Value } of event.Headers) context.log(`${Key} = ${Value === null ? null : Buffer.from(Value, "base64")}`);
    context.log(JSON.stringify(context.triggerMetadata.headers));
  },
});
