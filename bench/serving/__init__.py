"""How fast pages answer, and what they look like."""
