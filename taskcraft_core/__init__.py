"""The domain of TaskCraft: documents in, verified agentic tasks out. Knows nothing of Prefect."""
