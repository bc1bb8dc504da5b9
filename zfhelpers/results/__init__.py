"""The paper's tables, measured with our networks, and the records of them."""
