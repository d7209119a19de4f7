"""What open pages follow as it happens on a node: one stream for each thing, however many pages."""
