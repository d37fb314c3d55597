"""Scanning many files."""
