"""Speech into text: whole recordings, with the times of words, by the engine that can."""
