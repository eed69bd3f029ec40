"""Output folders at an address: where they may be, what they hold, and the copy that builds work in."""
