exports.other = () => {};
exports.handleBinary = async function (context, bytes) {
  context.log(JSON.stringify([Buffer.isBuffer(bytes), bytes.toString("hex"), context.bindingData.key, context.bindingData.topic,
    context.bindingData.partition, context.bindingData.offset, context.bindingData.timestamp, context.bindingData.leaderEpoch,
    context.bindingData.headers]));
};
