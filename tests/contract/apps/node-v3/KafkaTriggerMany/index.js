module.exports = async function (context, events) {
  events.forEach((event, index) => {
    const { Value } = JSON.parse(event); // texts, in this model
    context.log(`${context.bindingData.partitionArray[index]}@${context.bindingData.offsetArray[index]} `
      + `${context.bindingData.keyArray[index]}: ${Value}`);
  });
};
