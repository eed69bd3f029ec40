"""How the extractive solver reads questions and what the tools show. Knows nothing of the writing side."""
