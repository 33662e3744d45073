"""A training as a process of its own: the queue, the worker, small background tasks."""
