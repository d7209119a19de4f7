"""One file with everything that the site knows, and the site made of it again."""
