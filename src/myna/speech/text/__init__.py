"""Text preparation: clean it, say numbers and symbols in words, and cut it into pieces for an engine."""

from myna.speech.text.breaks import Break, find_breaks, without_breaks
from myna.speech.text.emoji import emoji_names
from myna.speech.text.normalising import NORMALISED_LANGUAGES, normalise, normalised
from myna.speech.text.scripts import language_to_read
from myna.speech.text.splitting import Piece, speakable, split
from myna.speech.text.tracing import Traced

__all__ = [
    "NORMALISED_LANGUAGES",
    "Break",
    "Piece",
    "Traced",
    "emoji_names",
    "find_breaks",
    "language_to_read",
    "normalise",
    "normalised",
    "speakable",
    "split",
    "without_breaks",
]
