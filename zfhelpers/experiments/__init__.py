"""What is measured on a network: one file for each experiment of the paper."""
