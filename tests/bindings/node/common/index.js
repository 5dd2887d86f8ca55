exports.handler = async () => ({ kind: "CommonJS" });
exports.nested = { deep: { handler: async () => ({ kind: "nested" }) } };
