exports.handler = async () => ({ kind: "in a folder" });
