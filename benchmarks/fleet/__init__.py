"""The fleet page and the live pages of a small and of a large fleet, side by side."""
