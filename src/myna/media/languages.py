"""Names of languages in files: three letters of ISO 639-2, of which some languages have two forms."""

from __future__ import annotations

_PAIRS = (
    "aa:aar ab:abk ae:ave af:afr ak:aka am:amh an:arg ar:ara as:asm av:ava ay:aym az:aze ba:bak be:bel bg:bul "
    "bh:bih bi:bis bm:bam bn:ben bo:bod br:bre bs:bos ca:cat ce:che ch:cha co:cos cr:cre cs:ces cu:chu cv:chv "
    "cy:cym da:dan de:deu dv:div dz:dzo ee:ewe el:ell en:eng eo:epo es:spa et:est eu:eus fa:fas ff:ful fi:fin "
    "fj:fij fo:fao fr:fra fy:fry ga:gle gd:gla gl:glg gn:grn gu:guj gv:glv ha:hau he:heb hi:hin ho:hmo hr:hrv "
    "ht:hat hu:hun hy:hye hz:her ia:ina id:ind ie:ile ig:ibo ii:iii ik:ipk io:ido is:isl it:ita iu:iku ja:jpn "
    "jv:jav ka:kat kg:kon ki:kik kj:kua kk:kaz kl:kal km:khm kn:kan ko:kor kr:kau ks:kas ku:kur kv:kom kw:cor "
    "ky:kir la:lat lb:ltz lg:lug li:lim ln:lin lo:lao lt:lit lu:lub lv:lav mg:mlg mh:mah mi:mri mk:mkd ml:mal "
    "mn:mon mr:mar ms:msa mt:mlt my:mya na:nau nb:nob nd:nde ne:nep ng:ndo nl:nld nn:nno no:nor nr:nbl nv:nav "
    "ny:nya oc:oci oj:oji om:orm or:ori os:oss pa:pan pi:pli pl:pol ps:pus pt:por qu:que rm:roh rn:run ro:ron "
    "ru:rus rw:kin sa:san sc:srd sd:snd se:sme sg:sag si:sin sk:slk sl:slv sm:smo sn:sna so:som sq:sqi sr:srp "
    "ss:ssw st:sot su:sun sv:swe sw:swa ta:tam te:tel tg:tgk th:tha ti:tir tk:tuk tl:tgl tn:tsn to:ton tr:tur "
    "ts:tso tt:tat tw:twi ty:tah ug:uig uk:ukr ur:urd uz:uzb ve:ven vi:vie vo:vol wa:wln wo:wol xh:xho yi:yid "
    "yo:yor za:zha zh:zho zu:zul"
)
_THREE_LETTERS = dict(pair.split(":") for pair in _PAIRS.split())
_BIBLIOGRAPHIC = {
    "bod": "tib", "ces": "cze", "cym": "wel", "deu": "ger", "ell": "gre", "eus": "baq", "fas": "per", "fra": "fre",
    "hye": "arm", "isl": "ice", "kat": "geo", "mkd": "mac", "mri": "mao", "msa": "may", "mya": "bur", "nld": "dut",
    "ron": "rum", "slk": "slo", "sqi": "alb", "zho": "chi",
}  # fmt: skip
"""The older form, which Matroska keeps."""
_SAME = {"cmn": "zho", "yue": "zho", "arb": "ara"}
_NORWEGIAN = {"nob": "nor", "nno": "nor"}
_TWO_LETTERS = {three: two for two, three in _THREE_LETTERS.items()}
_TWO_LETTERS |= {older: _TWO_LETTERS[three] for three, older in _BIBLIOGRAPHIC.items()}
_QUICKTIME_NAMES = (
    "alb amh ara arm asm aym aze baq bel ben bul bur cat ces chi dan dut dzo eng epo est fin fra geo ger gre grn "
    "guj heb hin hun ice ind ita jav jpn kan kas kaz khm kin kir kor kur lao lat lav lit mac mal mar may mlg mlt "
    "mon nep nor nya ori orm per pol por pus que ron run rus san sin slk slv snd som spa swa tam tat tel tgk tgl "
    "tha tib tir tuk tur uig ukr urd uzb vie wel yid"
)
_QUICKTIME = frozenset(_QUICKTIME_NAMES.split())
"""What QuickTime has a number for, and FFmpeg's name of it."""
UNKNOWN = "und"


def language_in(container: str, tag: str) -> str:
    """How a file of this kind names a language: `pt-BR` is `por`; `de` is `deu` in MP4, and `ger` in Matroska, which
    keeps the older names, and in QuickTime, which has names for some languages only. `und` is one that is not known.
    """
    language = tag.replace("_", "-").lower().partition("-")[0]
    three = _THREE_LETTERS.get(language) or _SAME.get(language, language)
    if len(three) != 3 or not three.isascii() or not three.isalpha():
        return UNKNOWN
    older = _BIBLIOGRAPHIC.get(three, three)
    if container == "mov":
        return next((name for name in (three, older, _NORWEGIAN.get(three)) if name in _QUICKTIME), UNKNOWN)
    return older if container in ("mkv", "webm") else three


def language_tag(three: str) -> str:
    """`por` becomes `pt`, `ger` and `deu` become `de`; empty for `und` and the like."""
    code = three.strip().lower()
    if code in ("", UNKNOWN, "mul", "zxx", "mis") or not code.isascii():
        return ""
    return _TWO_LETTERS.get(code, code)
