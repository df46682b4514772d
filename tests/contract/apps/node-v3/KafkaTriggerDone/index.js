module.exports = function (context, event) {
  setImmediate(() => {
    if (event === "twice") {
      context.done(null, "ignored: there is no $return");
      context.done();
    } else {
      context.done(event === "fine" ? null : `not ${event}`);
    }
  });
};
