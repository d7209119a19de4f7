"""Read the images that CRIU writes: protobuf messages behind 32-bit magic numbers."""
