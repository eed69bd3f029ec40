"""The dataset: rows, audit, the versioned table and its releases."""
