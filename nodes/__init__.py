"""Ferry: nodes, their containers, the catalog of archives, and the operations between them."""
