"""The workflows, and the runner that carries them out."""
