"""How well pictures are read."""
