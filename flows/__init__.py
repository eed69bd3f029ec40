"""What runs, in which order: the build flow, its stages, and the `taskcraft` command."""
