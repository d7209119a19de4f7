"""Commands and bytes to nodes and back. The only importer of asyncssh."""
