"""Reading manifests, lists of trust, recovery."""
