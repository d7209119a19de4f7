"""What CRIU says: versions, checks, and why it failed."""
