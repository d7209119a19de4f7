"""How fast an archive goes into the catalog and out again, and how much memory that takes."""
