"""Reading unsigned labels."""
