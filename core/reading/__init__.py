"""From a picture to an answer, and the drawings that people keep of their own."""
