// The function of area.c for Node.js.
export const handler = async (event, context) => {
    if (typeof event.length !== "number" || typeof event.width !== "number") {
        throw new TypeError("length and width are numbers");
    }
    console.info(`log group: ${context.logGroupName}`);
    return { area: event.length * event.width };
};
