"""Arrays in, figures out; nothing here knows what a run is."""
