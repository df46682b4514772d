module.exports = async function (context, event) {
  const command = event.Value;
  if (command.startsWith("throw")) throw new Error(command);
  context.bindings.first = { one: ["text"], many: ["one", "two"], object: { a: 1 }, bytes: Buffer.from("bytes"),
    badBytes: Buffer.from([255]), number: 7, nothing: undefined }[command];
  if (command === "one") context.bindings.first = "text";
  if (command === "byName") return { first: "returned", second: { b: [2] } };
};
