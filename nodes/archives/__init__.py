"""The catalog's rows: keep what came, find it, change it, delete it."""
