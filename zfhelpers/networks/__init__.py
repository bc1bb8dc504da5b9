"""Every network of this course: its name, its files, and how to train it again."""
