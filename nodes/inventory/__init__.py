"""What is where: connections to nodes, and the last observation of every container."""
