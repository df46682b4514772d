const { app } = require("@azure/functions");

app.generic("KafkaTriggerRetryFixed", {
  trigger: {
    type: "kafkaTrigger", name: "event", topic: "orders", brokerList: "BrokerList", consumerGroup: "$Default", dataType: "string",
    cardinality: "ONE",
  },
  retry: { strategy: "fixedDelay", maxRetryCount: 3, delayInterval: { seconds: 10 } },
  handler: async (event, context) => {
    const { retryCount, maxRetryCount, exception } = context.retryContext;
    context.log(`retry ${retryCount} of ${maxRetryCount} after ${exception?.message}`);
    throw new Error("An error occurred");
  },
});

app.generic("KafkaTriggerRetryExponential", {
  trigger: {
    type: "kafkaTrigger", name: "event", topic: "orders", brokerList: "BrokerList", consumerGroup: "$Default", dataType: "string",
    cardinality: "ONE",
  },
  retry: { strategy: "exponentialBackoff", maxRetryCount: -1, minimumInterval: 5000, maximumInterval: { minutes: 15 } },
  handler: async () => {
    throw new Error("An error occurred");
  },
});
