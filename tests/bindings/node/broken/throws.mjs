throw new TypeError("while it loads");
