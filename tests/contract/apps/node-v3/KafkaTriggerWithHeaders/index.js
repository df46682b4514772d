module.exports = async function (context, event) {
  for (const { Key, Value } of event.Headers) context.log(`${Key} = ${Value === null ? null : Buffer.from(Value, "base64")}`);
  context.log(JSON.stringify([context.bindingData.headers, context.traceContext]));
};
