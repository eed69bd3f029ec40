"""TaskCraft."""
