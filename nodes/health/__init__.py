"""How the site itself is: whether it is ready, and its figures."""
