"""What is computed about a finished run with its network and its data."""
