"""Signed reports, and checking them."""
