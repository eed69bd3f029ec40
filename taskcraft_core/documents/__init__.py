"""Documents: listing sources, parsing them in a sandbox, and showing them as text."""
