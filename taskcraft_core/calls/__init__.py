"""Calls that cost money or leave the machine: kept in a journal, held within limits and a budget, attributed."""
