"""All notebooks in one run, and the pages that are made of them."""
