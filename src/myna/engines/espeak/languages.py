"""The languages of espeak-ng 1.52: BCP 47 tags outside, names of its voice files inside.

Voice files are named by their path, because some names fail in `espeak_SetVoiceByName` (`en-gb`, `zh`, `pt-pt`).
Left out: files without a dictionary (Faroese, Karakalpak, a test language), which do not speak.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True)
class Language:
    tag: str
    """BCP 47."""
    path: str
    """The voice file in espeak-ng's data."""
    name: str


LANGUAGES = (
    Language("af", "gmw/af", "Afrikaans"),
    Language("sq", "ine/sq", "Albanian"),
    Language("am", "sem/am", "Amharic"),
    Language("ar", "sem/ar", "Arabic"),
    Language("an", "roa/an", "Aragonese"),
    Language("hy", "ine/hy", "Armenian (East Armenia)"),
    Language("hyw", "ine/hyw", "Armenian (West Armenia)"),
    Language("as", "inc/as", "Assamese"),
    Language("az", "trk/az", "Azerbaijani"),
    Language("ba", "trk/ba", "Bashkir"),
    Language("eu", "eu", "Basque"),
    Language("be", "zle/be", "Belarusian"),
    Language("bn", "inc/bn", "Bengali"),
    Language("bpy", "inc/bpy", "Bishnupriya Manipuri"),
    Language("bs", "zls/bs", "Bosnian"),
    Language("bg", "zls/bg", "Bulgarian"),
    Language("ca", "roa/ca", "Catalan"),
    Language("ca-x-balear", "roa/ca-ba", "Catalan (Balearic)"),
    Language("ca-x-nw", "roa/ca-nw", "Catalan (North-western)"),
    Language("ca-valencia", "roa/ca-va", "Catalan (Valencian)"),
    Language("chr", "iro/chr", "Cherokee"),
    Language("zh-HK", "sit/yue", "Chinese (Cantonese)"),
    Language("yue-Latn-jyutping", "sit/yue-Latn-jyutping", "Chinese (Cantonese, in jyutping)"),
    Language("zh-CN", "sit/cmn", "Chinese (Mandarin)"),
    Language("zh-Latn-pinyin", "sit/cmn-Latn-pinyin", "Chinese (Mandarin, in pinyin)"),
    Language("cv", "trk/cv", "Chuvash"),
    Language("hr", "zls/hr", "Croatian"),
    Language("cs", "zlw/cs", "Czech"),
    Language("da", "gmq/da", "Danish"),
    Language("nl", "gmw/nl", "Dutch"),
    Language("en-029", "gmw/en-029", "English (Caribbean)"),
    Language("en-GB", "gmw/en", "English (Great Britain)"),
    Language("en-GB-x-gbclan", "gmw/en-GB-x-gbclan", "English (Lancaster)"),
    Language("en-US-x-nyc", "gmw/en-US-nyc", "English (New York City)"),
    Language("en-GB-x-rp", "gmw/en-GB-x-rp", "English (Received Pronunciation)"),
    Language("en-GB-scotland", "gmw/en-GB-scotland", "English (Scotland)"),
    Language("en-Shaw", "gmw/en-Shaw", "English (Shavian alphabet)"),
    Language("en-US", "gmw/en-US", "English (United States)"),
    Language("en-GB-x-gbcwmd", "gmw/en-GB-x-gbcwmd", "English (West Midlands)"),
    Language("eo", "art/eo", "Esperanto"),
    Language("et", "urj/et", "Estonian"),
    Language("fi", "urj/fi", "Finnish"),
    Language("fr-BE", "roa/fr-BE", "French (Belgium)"),
    Language("fr-FR", "roa/fr", "French (France)"),
    Language("fr-CH", "roa/fr-CH", "French (Switzerland)"),
    Language("ga", "cel/ga", "Gaelic (Irish)"),
    Language("gd", "cel/gd", "Gaelic (Scottish)"),
    Language("ka", "ccs/ka", "Georgian"),
    Language("de", "gmw/de", "German"),
    Language("el", "grk/el", "Greek"),
    Language("grc", "grk/grc", "Greek (Ancient)"),
    Language("kl", "esx/kl", "Greenlandic"),
    Language("gn", "sai/gn", "Guarani"),
    Language("gu", "inc/gu", "Gujarati"),
    Language("ht", "roa/ht", "Haitian Creole"),
    Language("hak", "sit/hak", "Hakka Chinese"),
    Language("haw", "map/haw", "Hawaiian"),
    Language("he", "sem/he", "Hebrew"),
    Language("hi-IN", "inc/hi", "Hindi"),
    Language("hu", "urj/hu", "Hungarian"),
    Language("is", "gmq/is", "Icelandic"),
    Language("io", "art/io", "Ido"),
    Language("id", "poz/id", "Indonesian"),
    Language("ia", "art/ia", "Interlingua"),
    Language("it-IT", "roa/it", "Italian"),
    Language("ja-JP", "jpx/ja", "Japanese"),
    Language("quc", "myn/quc", "K'iche'"),
    Language("kn", "dra/kn", "Kannada"),
    Language("kk", "trk/kk", "Kazakh"),
    Language("tlh-Piqd", "art/piqd", "Klingon"),
    Language("kok", "inc/kok", "Konkani"),
    Language("ko", "ko", "Korean"),
    Language("ku", "ira/ku", "Kurdish"),
    Language("ky", "trk/ky", "Kyrgyz"),
    Language("art-x-belta", "art/qdb", "Lang Belta"),
    Language("ltg", "bat/ltg", "Latgalian"),
    Language("la", "itc/la", "Latin"),
    Language("lv", "bat/lv", "Latvian"),
    Language("lfn", "art/lfn", "Lingua Franca Nova"),
    Language("lt", "bat/lt", "Lithuanian"),
    Language("jbo", "art/jbo", "Lojban"),
    Language("smj", "urj/smj", "Lule Saami"),
    Language("lb", "gmw/lb", "Luxembourgish"),
    Language("mk", "zls/mk", "Macedonian"),
    Language("ms", "poz/ms", "Malay"),
    Language("ml", "dra/ml", "Malayalam"),
    Language("mt", "sem/mt", "Maltese"),
    Language("mr", "inc/mr", "Marathi"),
    Language("my", "sit/my", "Myanmar (Burmese)"),
    Language("mi", "poz/mi", "Māori"),
    Language("nci", "azc/nci", "Nahuatl (Classical)"),
    Language("ne", "inc/ne", "Nepali"),
    Language("nog", "trk/nog", "Nogai"),
    Language("nb", "gmq/nb", "Norwegian Bokmål"),
    Language("or", "inc/or", "Oriya"),
    Language("om", "cus/om", "Oromo"),
    Language("pap", "roa/pap", "Papiamento"),
    Language("fa", "ira/fa", "Persian"),
    Language("fa-Latn", "ira/fa-Latn", "Persian (Pinglish)"),
    Language("pl", "zlw/pl", "Polish"),
    Language("pt-BR", "roa/pt-BR", "Portuguese (Brazil)"),
    Language("pt-PT", "roa/pt", "Portuguese (Portugal)"),
    Language("pa", "inc/pa", "Punjabi"),
    Language("art-x-pyash", "art/py", "Pyash"),
    Language("qu", "qu", "Quechua"),
    Language("qya", "art/qya", "Quenya"),
    Language("ro", "roa/ro", "Romanian"),
    Language("ru", "zle/ru", "Russian"),
    Language("ru-x-classic", "zle/ru-cl", "Russian (Classic)"),
    Language("ru-LV", "zle/ru-LV", "Russian (Latvia)"),
    Language("sr", "zls/sr", "Serbian"),
    Language("tn", "bnt/tn", "Setswana"),
    Language("shn", "tai/shn", "Shan (Tai Yai)"),
    Language("sjn", "art/sjn", "Sindarin"),
    Language("sd", "inc/sd", "Sindhi"),
    Language("si", "inc/si", "Sinhala"),
    Language("sk", "zlw/sk", "Slovak"),
    Language("sl", "zls/sl", "Slovenian"),
    Language("es-419", "roa/es-419", "Spanish (Latin America)"),
    Language("es-ES", "roa/es", "Spanish (Spain)"),
    Language("sw", "bnt/sw", "Swahili"),
    Language("sv", "gmq/sv", "Swedish"),
    Language("ta", "dra/ta", "Tamil"),
    Language("tt", "trk/tt", "Tatar"),
    Language("te", "dra/te", "Telugu"),
    Language("th", "tai/th", "Thai"),
    Language("ti", "sem/ti", "Tigrinya"),
    Language("mto", "miz/mto", "Totontepec Mixe"),
    Language("tr", "trk/tr", "Turkish"),
    Language("tk", "trk/tk", "Turkmen"),
    Language("uk", "zle/uk", "Ukrainian"),
    Language("ur", "inc/ur", "Urdu"),
    Language("ug", "trk/ug", "Uyghur"),
    Language("uz", "trk/uz", "Uzbek"),
    Language("vi-VN-x-central", "aav/vi-VN-x-central", "Vietnamese (Central)"),
    Language("vi-VN", "aav/vi", "Vietnamese (Northern)"),
    Language("vi-VN-x-south", "aav/vi-VN-x-south", "Vietnamese (Southern)"),
    Language("cy", "cel/cy", "Welsh"),
)

_BY_PRIMARY = {"en": "en-US", "es": "es-ES", "fr": "fr-FR", "pt": "pt-BR", "vi": "vi-VN", "zh": "zh-CN"}
"""Which one is meant when only the language is named, where there are several."""

_ALIASES = {
    "cmn": "zh-CN",
    "cmn-latn-pinyin": "zh-Latn-pinyin",
    "zh-hans": "zh-CN",
    "zh-hant": "zh-CN",
    "zh-tw": "zh-CN",
    "zh-sg": "zh-CN",
    "zh-mo": "zh-HK",
    "zh-yue": "zh-HK",
    "yue": "zh-HK",
    "no": "nb",
    "iw": "he",
    "in": "id",
    "hbs": "hr",
    "tlh": "tlh-Piqd",
    "en-au": "en-GB",
    "en-nz": "en-GB",
    "en-ie": "en-GB",
    "en-in": "en-GB",
    "en-za": "en-GB",
    "en-ca": "en-US",
    "pt-ao": "pt-PT",
    "pt-mz": "pt-PT",
}
_LATIN_AMERICA = ("ar", "bo", "cl", "co", "cr", "cu", "do", "ec", "gt", "hn", "mx", "ni", "pa", "pe", "pr", "py", "sv")


@cache
def _by_tag() -> dict[str, Language]:
    known = {language.tag.lower(): language for language in LANGUAGES}
    known |= {alias: known[tag.lower()] for alias, tag in (_ALIASES | _BY_PRIMARY).items()}
    known |= {f"es-{country}": known["es-419"] for country in (*_LATIN_AMERICA, "us", "uy", "ve")}
    for language in LANGUAGES:
        primary = language.tag.lower().partition("-")[0]
        if primary != "art":  # the artificial languages have nothing in common
            known.setdefault(primary, language)
    return known


def find_language(tag: str) -> Language | None:
    """The language of a BCP 47 tag: the whole tag if possible, else without its last parts; None when there is none."""
    parts = tag.lower().replace("_", "-").split("-")
    known = _by_tag()
    return next((known[part] for part in _shorter_and_shorter(parts) if part in known), None)


def _shorter_and_shorter(parts: list[str]) -> list[str]:
    return ["-".join(parts[:count]) for count in range(len(parts), 0, -1)]
