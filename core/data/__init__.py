"""Data sets as whole uint8 tensors: fetched once, checked, split the same way for ever."""
