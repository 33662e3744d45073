"""What a run gives away, and what is checked before one is taken in."""
