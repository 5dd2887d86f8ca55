raise TypeError("while it loads")
