require("./typed");
