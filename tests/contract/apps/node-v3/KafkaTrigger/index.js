module.exports = async function (context, event) {
  context.log.info(`Value: ${event.Value}`);
  context.log(`key ${context.bindingData.key} offset ${context.bindingData.offset} of ${context.executionContext.functionName}`);
  context.log.warn(JSON.stringify([context.bindings.event === event, context.bindingDefinitions, context.invocationId
    === context.executionContext.invocationId, context.executionContext.functionDirectory.endsWith("KafkaTrigger")]));
};
