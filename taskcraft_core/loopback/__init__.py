"""A server for tests and benchmarks that speaks the OpenAI chat-completions protocol, and misbehaves on command.

It answers TaskCraft's prompts by the rules of the embedded engine, so that whole builds run against it without a
model, and it has a search in the shape of Tavily's. Run as `python -m taskcraft_core.loopback`.
"""
