"""Which videos show the same, which to keep, and what is done with the others."""
