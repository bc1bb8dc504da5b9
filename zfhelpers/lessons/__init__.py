"""What a class needs of the notebooks: their exercises, a check that does not tell, and copies for students."""
