"""Data sets: worlds that a network is trained in, and targets that its features are carried over to."""
