"""The run folder: written once, read safely, with its state and the limits of the installation."""
