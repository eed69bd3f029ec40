"""How the extractive author reads structure and writes questions."""
