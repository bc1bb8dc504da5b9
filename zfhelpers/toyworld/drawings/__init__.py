"""What is drawn: one file for each family of things."""
