import { app } from "@azure/functions";

app.http("Http", { methods: ["GET"], handler: async () => ({ body: "hello" }) });
app.generic("KafkaTriggerModule", {
  trigger: {
    type: "kafkaTrigger", name: "event", topic: "orders", brokerList: "BrokerList", consumerGroup: "$Default", dataType: "string",
    cardinality: "ONE",
  },
  handler: async (event, context) => context.log(`module ${event.Value}`),
});
