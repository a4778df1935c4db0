"""The names that translation models give to languages, and their BCP 47 tags."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

_TOKEN = re.compile(
    r"__(?P<m2m>[a-z]{2,3})__|>>(?P<marian>[a-z]{2,3}(?:_[A-Z][A-Za-z]+)?)<<|<2(?P<madlad>[a-z]{2,3}(?:_[A-Z][a-z]{3})?)>"
    r"|(?P<nllb>[a-z]{3}_[A-Z][a-z]{3})"
)
_CODES = (
    "afr=af als=sq amh=am arb=ar ara=ar asm=as aym=ay ayr=ay azj=az aze=az bak=ba bam=bm bel=be ben=bn bod=bo "
    "bos=bs bul=bg cat=ca ces=cs cym=cy dan=da deu=de dzo=dz ell=el eng=en epo=eo est=et eus=eu ewe=ee fao=fo "
    "fas=fa fij=fj fil=tl fin=fi fra=fr fuv=ff gaz=om gla=gd gle=ga glg=gl grn=gn guj=gu hat=ht hau=ha heb=he "
    "hin=hi hrv=hr hun=hu hye=hy ibo=ig ind=id isl=is ita=it jav=jv jpn=ja kan=kn kat=ka kaz=kk khk=mn khm=km "
    "kik=ki kin=rw kir=ky kmr=ku kor=ko lao=lo lav=lv lim=li lin=ln lit=lt ltz=lb lug=lg lvs=lv mal=ml mar=mr "
    "mkd=mk mlg=mg mlt=mt mon=mn mri=mi msa=ms mya=my nld=nl nno=nn nob=nb nor=nb npi=ne nya=ny oci=oc ory=or "
    "pan=pa pbt=ps pes=fa plt=mg pol=pl por=pt pus=ps quy=qu ron=ro run=rn rus=ru sag=sg san=sa sin=si slk=sk "
    "slv=sl smo=sm sna=sn snd=sd som=so sot=st spa=es sqi=sq srd=sc srp=sr ssw=ss sun=su swe=sv swh=sw swa=sw "
    "tam=ta tat=tt tel=te tgk=tg tgl=tl tha=th tir=ti ton=to tsn=tn tso=ts tuk=tk tur=tr twi=tw uig=ug ukr=uk "
    "urd=ur uzn=uz uzb=uz vie=vi wol=wo xho=xh ydd=yi yid=yi yor=yo zho=zh zsm=ms zul=zu"
)
"""ISO 639-3, as NLLB and Marian use it, to the two letters that BCP 47 wants where there are two."""
_THREE_TO_TWO: dict[str, str] = dict(pair.split("=") for pair in _CODES.split())
_OWN = {
    "pb": "pt-BR", "zt": "zh-TW", "ns": "nso", "iw": "he", "no": "nb", "jw": "jv", "fil": "tl", "cmn": "zh",
    "prs": "fa-AF", "zho_Hans": "zh", "zho_Hant": "zh-TW", "cmn_Hans": "zh", "cmn_Hant": "zh-TW", "arb_Arab": "ar",
    "pt_br": "pt-BR", "zh_hant": "zh-TW",
}  # fmt: skip
"""Names that say something else than they seem to."""


def tag_of(name: str) -> str:
    """The BCP 47 tag of a language by the name that a model or a package gives it."""
    known = _OWN.get(name) or _OWN.get(name.lower().replace("-", "_"))
    if known:
        return known
    language, _, rest = name.replace("_", "-").partition("-")
    language = _THREE_TO_TWO.get(language, language).lower()
    return f"{language}-{rest}" if rest else language


def language_tokens(vocabulary: Iterable[str]) -> dict[str, str]:
    """The languages that a model has tokens for: the BCP 47 tag of each, and its token."""
    found = [(token, match) for token in vocabulary if (match := _TOKEN.fullmatch(token))]
    bases = Counter(_without_script(_name(match)) for _, match in found)
    tokens: dict[str, str] = {}
    for token, match in found:
        name = _name(match)
        alone = bases[_without_script(name)] == 1
        tokens.setdefault(tag_of(_without_script(name) if alone else name), token)
    return tokens


def is_nllb(vocabulary: Iterable[str]) -> bool:
    """Whether languages are named as in NLLB, whose weights are not for commercial use."""
    return any((match := _TOKEN.fullmatch(token)) and match["nllb"] for token in vocabulary)


def stands_before_source(token: str) -> bool:
    """Whether a token of the target's language goes before the source; else it begins the translation."""
    return token.startswith((">>", "<2"))


def _name(match: re.Match[str]) -> str:
    return next(group for group in match.groups() if group)


def _without_script(name: str) -> str:
    return name.partition("_")[0]
