"""From settings to trained weights: recipes, networks, augmentation and the loop."""
