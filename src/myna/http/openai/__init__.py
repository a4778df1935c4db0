"""OpenAI's Audio API: speech and models."""
