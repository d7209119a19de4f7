"""What a Linux host says about itself, and what would make it ready: pure."""
