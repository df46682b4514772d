const { app } = require("@azure/functions");

let started = "no";
app.hook.appStart((context) => {
  context.hookData.started = "yes";
});
app.hook.appStart((context) => {
  started = context.hookData.started;
});
app.hook.appTerminate((context) => {
  console.log(`terminated, started: ${context.hookData.started}`);
});
app.hook.preInvocation((context) => {
  if (context.invocationContext.functionName !== "KafkaTriggerHooks") return;
  context.hookData.value = context.inputs[0].Value;
  context.inputs = [{ Value: "from the hook" }];
});
app.hook.postInvocation((context) => {
  if (context.invocationContext.functionName !== "KafkaTriggerHooks") return;
  const { hookData, result, error } = context;
  context.invocationContext.log(`post: ${hookData.value} ${result} ${error?.message} ${started}`);
  if (context.hookData.value === "forgiven") context.error = undefined;
});
app.hook.log((context) => {
  if (context.message === "secret") context.message = "***";
});

app.generic("KafkaTriggerHooks", {
  trigger: {
    type: "kafkaTrigger", name: "event", topic: "orders", brokerList: "BrokerList", consumerGroup: "$Default", dataType: "string",
    cardinality: "ONE",
  },
  handler: async (event, context) => {
    context.log("secret");
    context.log(event.Value);
    if (context.extraInputs.get("none") === undefined) throw new Error("after all");
  },
});
