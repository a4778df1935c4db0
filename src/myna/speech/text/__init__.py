"""Text preparation: clean it, say numbers and symbols in words, and cut it into pieces for an engine."""

from myna.speech.text.emoji import emoji_names
from myna.speech.text.normalising import NORMALISED_LANGUAGES, normalise
from myna.speech.text.scripts import language_to_read
from myna.speech.text.splitting import Piece, speakable, split

__all__ = ["NORMALISED_LANGUAGES", "Piece", "emoji_names", "language_to_read", "normalise", "speakable", "split"]
