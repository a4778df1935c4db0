"""What is particular to each language. A new one: its words in `data/`, its class here, its line in `GRAMMARS`."""

from myna.speech.text.grammar import Grammar
from myna.speech.text.languages.arabic import ArabicGrammar
from myna.speech.text.languages.chinese import ChineseGrammar
from myna.speech.text.languages.english import EnglishGrammar
from myna.speech.text.languages.german import GermanGrammar
from myna.speech.text.languages.hindi import HindiGrammar
from myna.speech.text.languages.japanese import JapaneseGrammar
from myna.speech.text.languages.romance import FrenchGrammar, ItalianGrammar, PortugueseGrammar, SpanishGrammar
from myna.speech.text.languages.russian import RussianGrammar
from myna.speech.text.languages.turkish import TurkishGrammar

GRAMMARS: dict[str, type[Grammar]] = {
    "ar": ArabicGrammar,
    "de": GermanGrammar,
    "en": EnglishGrammar,
    "es": SpanishGrammar,
    "fr": FrenchGrammar,
    "hi": HindiGrammar,
    "it": ItalianGrammar,
    "ja": JapaneseGrammar,
    "pt": PortugueseGrammar,
    "ru": RussianGrammar,
    "tr": TurkishGrammar,
    "zh": ChineseGrammar,
}
