export const handler = await Promise.resolve(async () => ({ kind: "module" }));
