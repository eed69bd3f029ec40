"""Chat models as author, solver and judge, behind any endpoint that speaks OpenAI's protocol."""
