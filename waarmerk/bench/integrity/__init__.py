"""What can be done to a mark without its key: copying, averaging away, and finding it by chance."""
