"""What may happen to marked content, in the words of the Code of Practice."""
