"""Prefect tasks: one shard in, one shard out. The work itself is in `taskcraft_core`."""
