"""Pure functions of labels and probabilities: metrics, intervals, tests, learning dynamics."""
