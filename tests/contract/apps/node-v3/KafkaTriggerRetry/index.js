module.exports = async function (context, event) {
  const { retryContext } = context.executionContext;
  context.log(`retry ${retryContext.retryCount} of ${retryContext.maxRetryCount} after ${retryContext.exception?.message}`);
  throw new Error("An error occurred");
};
