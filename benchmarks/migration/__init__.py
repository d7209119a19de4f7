"""Compare a migration by hand with the same migration by the site, on the same two hosts."""
