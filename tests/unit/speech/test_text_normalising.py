"""What is said in words, language by language."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from myna.speech.text import NORMALISED_LANGUAGES, normalise
from myna.speech.text.words import load_words

ENGLISH = [
    ("It costs $3,450.75.", "It costs three thousand four hundred and fifty dollars and seventy-five cents."),
    ("€12,50", "twelve euros and fifty cents"),
    ("£1.01, $0.99, -$5", "one pound and one penny, ninety-nine cents, minus five dollars"),
    ("$3.5 million or €2bn", "three point five million dollars or two billion euros"),
    ("¥500 ₹1,00,000", "five hundred yen one hundred thousand rupees"),
    ("$2 $11", "two dollars eleven dollars"),
    ("2026-11-21", "November twenty-first, twenty twenty-six"),
    ("2026-11-21T10:30:00Z", "November twenty-first, twenty twenty-six, ten thirty and zero seconds"),
    ("11/21/2026", "November twenty-first, twenty twenty-six"),
    ("21/11/2026", "November twenty-first, twenty twenty-six"),
    ("31/31/2026", "thirty-one/thirty-one/twenty twenty-six"),
    ("on Nov. 21, 2026", "on November twenty-first, twenty twenty-six"),
    ("21 November 2026 and May 5", "twenty-first November twenty twenty-six and May fifth"),
    ("at 10:30, 12:05, 9:00", "at ten thirty, twelve oh five, nine o'clock"),
    ("at 3 pm, 4:30 p.m. Then", "at three PM, four thirty PM. Then"),
    ("5% and 12.5 %", "five percent and twelve point five percent"),
    ("-5°C, 80 km/h", "minus five degrees Celsius, eighty kilometres per hour"),
    ("5kg, 1 km", "five kilograms, one kilometre"),
    ("20 m2", "twenty square metres"),
    ("1,234,567", "one million two hundred and thirty-four thousand five hundred and sixty-seven"),
    ("3.14 -5 −5 0.5", "three point one four minus five minus five zero point five"),
    ("1st, 22nd, 103rd", "first, twenty-second, one hundred and third"),
    ("in 1999, since 1789, 1789 men", "in nineteen ninety-nine, since seventeen eighty-nine, "
     "one thousand seven hundred and eighty-nine men"),
    ("the 1990s and '80s", "the nineteen nineties and eighties"),
    ("10-20 and 1999-2005", "ten to twenty and nineteen ninety-nine to two thousand and five"),
    ("1/2, 2½, 3 3/4", "one half, two and one half, three and three quarters"),
    ("Call 555-1234.", "Call five five five, one two three four."),
    ("+1 (555) 123-4567", "plus one, five five five, one two three, four five six seven"),
    ("room 007", "room zero zero seven"),
    ("12345678901", "one two three four five six seven eight nine zero one"),
    ("v2.0.1", "v two point zero point one"),
    ("MP3, H2O, COVID-19", "MP three, H two O, COVID-nineteen"),
    ("Dr. Smith vs. Mr. X", "Doctor Smith versus Mister X"),
    ("St. John of Main St. in town", "Saint John of Main Street in town"),
    ("apples, pears, etc. Then", "apples, pears, et cetera. Then"),
    ("No. 5, he said no.", "number five, he said no."),
    ("me@example.com", "me at example dot com"),
    ("See https://www.example.com/a-b.", "See www dot example dot com slash a dash b."),
    ("AT&T, C++, #1, #fun, a = b", "AT and T, C plus plus, number one, hashtag fun, a equals b"),
    ("fake:slow=0.5 word", "fake:slow=0.5 word"),
]  # fmt: skip

OTHERS = [
    ("en-GB", "11/12/2026", "eleventh of December, twenty twenty-six"),
    ("en-US", "11/12/2026", "November twelfth, twenty twenty-six"),
    ("es", "€12,50", "doce euros con cincuenta céntimos"),
    ("es", "21/11/2026 a las 10:30", "veintiuno de noviembre de dos mil veintiséis a las diez treinta"),
    ("es", "1.234 km y £21", "mil doscientos treinta y cuatro kilómetros y veintiuna libras"),
    ("es", "1.000.000 €", "un millón de euros"),
    ("es", "3,14 y 5 %", "tres coma catorce y cinco por ciento"),
    ("es-MX", "$1,234.50", "mil doscientos treinta y cuatro dólares con cincuenta centavos"),
    ("es", "el 1.º y la 2ª", "el primero y la segunda"),
    ("fr", "1 234,56 €", "mille deux cent trente-quatre euros et cinquante-six centimes"),
    ("fr", "le 1er à 10h30", "le premier à dix heures trente"),
    ("fr", "5 M€, 21 £", "cinq millions d'euros, vingt et une livres"),
    ("fr", "M. Dupont, Mme X", "Monsieur Dupont, Madame X"),
    ("fr-BE", "75", "septante-cinq"),
    ("fr", "06 12 34 56 78", "zéro six, un deux, trois quatre, cinq six, sept huit"),
    ("it", "€ 12,50 il 1/1/2026", "dodici euro e cinquanta centesimi il primo gennaio duemilaventisei"),
    ("it", "il 2º e la 3ª", "il secondo e la terza"),
    ("pt-BR", "R$ 12,50 e 16 km", "doze reais e cinquenta centavos e dezesseis quilômetros"),
    ("pt-PT", "16 km", "dezasseis quilómetros"),
    ("pt-BR", "£2", "duas libras"),
    ("de", "12,50 € am 21. November 1999",
     "zwölf Euro und fünfzig Cent am einundzwanzigsten November neunzehnhundertneunundneunzig"),
    ("de", "21.11.2026 um 10:30 Uhr", "einundzwanzigster November zweitausendsechsundzwanzig um zehn Uhr dreißig"),
    ("de", "1 € und 1.234.567",
     "ein Euro und eine Million zweihundertvierunddreißigtausendfünfhundertsiebenundsechzig"),
    ("de", "z. B. Dr. Müller, 2,5 Mio. Menschen", "zum Beispiel Doktor Müller, zwei Komma fünf Millionen Menschen"),
    ("ru", "1 кг, 2 кг, 5 кг, 21 %", "один килограмм, два килограмма, пять килограммов, двадцать один процент"),
    ("ru", "21 ноября 2026 года", "двадцать первого ноября две тысячи двадцать шестого года"),
    ("ru", "в 2026 году", "в две тысячи двадцать шестом году"),
    ("ru", "3,14 и 2 млн руб.", "три целых четырнадцать сотых и два миллиона руб."),
    ("ru", "12,50 ₽", "двенадцать рублей пятьдесят копеек"),
    ("tr", "%12 ve 12,50 ₺", "yüzde on iki ve on iki lira elli kuruş"),
    ("tr", "1. sınıf, 1234", "birinci sınıf, bin iki yüz otuz dört"),
    ("ar", "٣ كم", "ثلاثة كيلومترات"),
    ("ar", "$1 $2 $5 $11 $100 $200", "دولار واحد دولاران خمسة دولارات أحد عشر دولارا مائة دولار مائتا دولار"),
    ("ar", "1,234", "ألف ومائتان وأربعة وثلاثون"),
    ("hi", "₹1,00,000.50", "एक लाख रुपये पचास पैसे"),
    ("hi", "२०२६ और 1947", "दो हज़ार छब्बीस और उन्नीस सौ सैंतालीस"),
    ("hi", "10:30, 3.14", "दस बजकर तीस मिनट, तीन दशमलव एक चार"),
    ("zh", "¥12.50，2026年11月21日", "十二点五元，二零二六年十一月二十一日"),
    ("zh", "2个，20000，10005，120000", "两个，两万，一万零五，十二万"),
    ("cmn", "5%，-5°C，10:05", "百分之五，负五摄氏度，十点零五分"),
    ("zh-TW", "12000 3.14", "一萬兩千 三點一四"),
    ("ja", "3本と10分と1人", "さんぼんとじゅっぷんとひとり"),
    ("ja-JP", "2026年11月21日 10:30", "にせんにじゅうろくねんじゅういちがつにじゅういちにち じゅうじさんじゅっぷん"),
    ("ja", "¥1,200、10万円、20歳", "せんにひゃくえん、じゅうまんえん、はたち"),
    ("nl", "Het kost €5 & 10%.", "Het kost €5 & 10%."),
]  # fmt: skip


@pytest.mark.parametrize(("text", "spoken"), ENGLISH)
def test_english(text: str, spoken: str) -> None:
    assert normalise(text, "en") == spoken


@pytest.mark.parametrize(("language", "text", "spoken"), OTHERS)
def test_other_languages(language: str, text: str, spoken: str) -> None:
    assert normalise(text, language) == unicodedata.normalize("NFC", spoken)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("a\u200bb\u200e \u202ec\u00ad", "ab c"),
        ("a\x00b\x1b", "ab"),
        ("e\u0301", "é"),
        ("Hi 😀👍🏽 there ❤️", "Hi there"),
        ("one\r\ntwo\u2028three", "one\ntwo\nthree"),
        ("one \n\n\n\n two", "one\n\ntwo"),
        ("  a \t b  ", "a b"),
        ("a ===== b", "a b"),
        ("\ud800lone", "lone"),
        ("wait... what?!", "wait... what?!"),
    ],
)
@pytest.mark.parametrize("language", ["en", "nl"])
def test_removes_what_cannot_be_said(text: str, cleaned: str, language: str) -> None:
    assert normalise(text, language) == cleaned


@pytest.mark.parametrize("text", ["", "   ", "\n\n", "...", "😀😀", "\u200b", "?!", "-----", "«»"])
@pytest.mark.parametrize("language", ["en", "zh", "nl"])
def test_nothing_to_say_is_empty(text: str, language: str) -> None:
    assert normalise(text, language) == ""


def test_symbols_alone_are_said() -> None:
    assert normalise("&", "en") == "and"
    assert normalise("$", "en") == "dollars"


@pytest.mark.parametrize("language", NORMALISED_LANGUAGES)
def test_every_number_has_words(language: str) -> None:
    for value in [*range(130), *(10**power + extra for power in range(2, 15) for extra in (0, 1, 11, 999))]:
        assert not any(character.isdigit() for character in normalise(f"{value}", language)), value


@pytest.mark.parametrize("language", NORMALISED_LANGUAGES)
def test_words_are_stored_in_nfc(language: str) -> None:
    words = load_words(language)
    for noun in words.units.values():
        for form in noun.forms:
            assert unicodedata.is_normalized("NFC", form), form


_PIECES = st.sampled_from(
    ["12", "3,450.75", "$", "€", "5%", "10:30", "2026-11-21", "Dr.", "No.", "St.", "etc.", "km", "word", "Ünïcode",
     "漢字", "-", "–", ".", ",", " ", " ", " ", "\n", "\n\n", "&", "@", "#", "+", "=", "http://a.com/x", "½", "1st",
     "'", "(", ")", "पाँच", "ثلاثة", "😀", "\u200d", "2", "0", "/", ":", "a:b=1", "May", "p.m.", "é", "e\u0301",
     "M", "г.", "年", "つ"]
)  # fmt: skip
_TEXTS = st.one_of(st.lists(_PIECES, max_size=12).map("".join), st.text(max_size=40))


@given(_TEXTS, st.sampled_from([*NORMALISED_LANGUAGES, "nl", "en-GB", "zh-TW"]))
@settings(max_examples=600, deadline=None)
@example("Dr.= X", "en")
def test_a_normalised_text_stays_as_it_is(text: str, language: str) -> None:
    once = normalise(text, language)
    assert normalise(once, language) == once
    assert unicodedata.is_normalized("NFC", once)


@given(
    st.lists(
        # Three of the same sign are a wall, also when the sign is a vowel's.
        st.text("abcxyzéñßдяقمकी", min_size=2, max_size=8).filter(lambda word: "\u0940" * 3 not in word),
        min_size=1,
        max_size=8,
    ),
    st.lists(
        st.sampled_from(["12", "$5", "10:30", "3.14", "5%", "2026-11-21", "1,000", "007"]), min_size=1, max_size=8
    ),
    st.sampled_from(NORMALISED_LANGUAGES),
)
@settings(max_examples=200, deadline=None)
def test_words_stay_in_place(words: list[str], numbers: list[str], language: str) -> None:
    # Brackets keep the words from being units of the numbers.
    text = " ".join(f"«{word}» {numbers[index % len(numbers)]}" for index, word in enumerate(words))
    said = normalise(text, language)
    position = 0
    for word in words:
        expected = f"«{unicodedata.normalize('NFC', word)}»"
        position = said.index(expected, position) + len(expected)


SIZE = 100_000
HOSTILE = {
    "letters": "a" * SIZE,
    "digits": "1" * SIZE,
    "list": "1," * (SIZE // 2),
    "version": "1." * (SIZE // 2),
    "numbers": "1 " * (SIZE // 2),
    "thousands": "1" + " 234" * (SIZE // 4),
    "apostrophes": "1'" * (SIZE // 2),
    "dashes": "12-" * (SIZE // 3),
    "colons": "12:" * (SIZE // 3),
    "slashes": "1/" * (SIZE // 2),
    "telephones": "+1 1" * (SIZE // 4),
    "dollars": "$" * SIZE,
    "addresses": "a@" * (SIZE // 2),
    "domains": "a." * (SIZE // 2),
    "urls": "http://" * (SIZE // 7),
    "marks": "a" + "\u0301\u0316" * (SIZE // 2),
    "emoji": "😀" * SIZE,
    "joiners": "\u200d" * SIZE,
    "signs": "=+" * (SIZE // 2),
    "spaces": " " * SIZE,
    "lines": "\n" * SIZE,
    "abbreviations": "Dr." * (SIZE // 3),
    "settings": "a:b=" * (SIZE // 4),
    "dates": "2026-11-21" * (SIZE // 10),
}


@pytest.mark.timeout(30)
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_take_linear_time(name: str) -> None:
    """Anything quadratic would take minutes here."""
    said = normalise(HOSTILE[name], "en")
    assert (said == "") == (name in ("emoji", "joiners", "spaces", "lines", "dollars"))
