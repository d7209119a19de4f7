"""Strike a migration in each of its phases with each fault, and look at what is left."""
