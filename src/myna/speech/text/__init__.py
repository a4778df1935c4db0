"""Text preparation: clean it, say numbers and symbols in words, and cut it into pieces for an engine."""

from myna.kit.tracing import Traced
from myna.speech.text.breaks import Break, find_breaks, without_breaks
from myna.speech.text.diacritics import diacritise, strip_diacritics
from myna.speech.text.emoji import emoji_names
from myna.speech.text.normalising import NORMALISED_LANGUAGES, normalise, normalised
from myna.speech.text.scripts import language_to_read
from myna.speech.text.splitting import Piece, speakable, split

__all__ = [
    "NORMALISED_LANGUAGES",
    "Break",
    "Piece",
    "Traced",
    "diacritise",
    "emoji_names",
    "find_breaks",
    "language_to_read",
    "normalise",
    "normalised",
    "speakable",
    "split",
    "strip_diacritics",
    "without_breaks",
]
