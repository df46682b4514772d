const { app } = require("@azure/functions");

// As a sample of the original does: it throws while it is imported, and keeps no other function from working.
app.timer("Timer", { schedule: "*/15 * * * * *", handler: async () => {} });
throw new Error("this file cannot be loaded");
