"""What a base says so that its voice can be measured."""

from __future__ import annotations

_TEXTS = {
    "ar": "ذَهَبَ الْوَلَدُ إِلَى الْمَدْرَسَةِ فِي الصَّبَاحِ الْبَاكِرِ. كَانَ الْبَحْرُ هَادِئًا وَالسَّمَاءُ صَافِيَةً. أُحِبُّ أَنْ أَقْرَأَ كِتَابًا جَدِيدًا كُلَّ أُسْبُوعٍ.",
    "de": "Der Zug fährt jeden Morgen pünktlich um acht Uhr ab. Gestern war das Wetter schön, heute regnet es leider. "
    "Wir möchten zwei Tassen Kaffee und ein Stück Kuchen.",
    "en": "A king ruled the state in the early days. The ship was torn apart on the sharp reef. Sickness kept him home "
    "the third week. The wide road shimmered in the hot sun.",
    "es": "El tren sale todas las mañanas a las ocho en punto. Ayer hizo buen tiempo, pero hoy llueve mucho. "
    "Queremos dos tazas de café y un trozo de pan.",
    "fr": "Le train part tous les matins à huit heures précises. Hier il faisait beau, mais aujourd'hui il pleut. "
    "Nous voudrions deux tasses de café et un morceau de pain.",
    "hi": "रेलगाड़ी हर सुबह ठीक आठ बजे चलती है। कल मौसम अच्छा था, लेकिन आज बारिश हो रही है। हमें दो कप चाय चाहिए।",
    "it": "Il treno parte ogni mattina alle otto in punto. Ieri il tempo era bello, ma oggi piove molto. "
    "Vorremmo due tazze di caffè e un pezzo di pane.",
    "ja": "でんしゃは、まいあさ、はちじにでます。きのうは、いいてんきでしたが、きょうは、あめがふっています。",
    "pt": "O trem sai todas as manhãs às oito em ponto. Ontem fez bom tempo, mas hoje está chovendo muito. "
    "Queremos duas xícaras de café e um pedaço de pão.",
    "ru": "Поезд отправляется каждое утро ровно в восемь часов. Вчера была хорошая погода, а сегодня идёт дождь. "
    "Мы хотим две чашки чая и кусок хлеба.",
    "tr": "Tren her sabah tam saat sekizde kalkıyor. Dün hava güzeldi ama bugün çok yağmur yağıyor. "
    "İki fincan kahve ve bir parça ekmek istiyoruz.",
    "zh": "火车每天早上八点准时出发。昨天天气很好，可是今天下大雨。我们想要两杯茶和一块面包。",
}
_NUMBERS = "1784, 3695. 2013, 5460. 8127, 9356."
"""For all other languages: numbers are read in the language of the voice."""


def calibration_text(language: str) -> str:
    """Some eight seconds of speech in a language (BCP 47), with most of its sounds."""
    return _TEXTS.get(language.partition("-")[0].lower(), _NUMBERS)
