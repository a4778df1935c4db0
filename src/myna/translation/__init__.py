"""Text into text of another language, by the engine that can."""
