module.exports = async function (context, events) {
  for (const event of events.map((text) => JSON.parse(text))) {
    for (const { Key, Value } of event.Headers) context.log(`${event.Value}: ${Key} = ${Buffer.from(Value, "base64")}`);
  }
};
