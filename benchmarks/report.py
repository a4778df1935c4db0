"""docs/performance.md, from the figures."""

from __future__ import annotations

from typing import Any

HEAD = """# Performance

Measured by `scripts/bench`, which writes this page; figures of one section come from one run on one machine. Machines
differ and are noisy: trust the ratios more than the times.
"""

BESIDE_PACKAGE = (
    "`/v1/audio/speech` with mp3, against the package called in a loop on the same file and cores, alone in a process, "
    "as it comes (the better of a loop before and one after). Compared are seconds of speech and texts: Myna need not "
    "read a text in as many symbols as the package does. The package's first sentence is a whole call with it; the "
    "first audio is the first byte of a stream."
)

TITLES = {
    "speech": (
        "Speech over HTTP",
        "`/v1/audio/speech` (authenticated, charged, recorded, loudness and mp3 included) with a short sentence, "
        "against espeak-ng called in-process by one thread, alone and with the same mp3 encoding, and against a bare "
        "ASGI application on the same server that returns the same bytes. The clients run on the same cores.",
    ),
    "streaming": ("First byte", "One client, one long text, the median of nine streams."),
    "memory": (
        "Memory",
        "Resident memory of the server and its engine processes, before and after, four clients, on three fresh nodes "
        "that have answered 400 requests.",
    ),
    "paging": ("Paging", "A page of 50 outputs and the count, SQLite, medians of 60."),
    "cloning": (
        "Cloning",
        "The engine `match` on synthetic speakers (there are no recordings of people here), each cloned from half "
        "a minute and compared on sentences that the reference does not say. No speaker is a base of its own "
        "clone. Pitch by Harvest; spectrum: long-term mean in 30 mel bands; likeness: cosine of Resemblyzer "
        "embeddings (the same speaker scores 0.85 and more, others up to 0.75); word errors by pocketsphinx. "
        "`stock` is the base as it is, `ceiling` the reference itself, taken apart and put together by WORLD.",
    ),
    "dubbing": (
        "Dubbing",
        "Films of 720 lines (H.264, AAC) in which two synthetic speakers take turns over music and no sentence comes "
        "twice, dubbed from English to Spanish with nothing sent along: heard by pocketsphinx, translated by apertium, "
        "spoken by espeak-ng. One dub at a time, on a node that has done one before; the memory is that of the server "
        "process, and of all processes under it, at most. Then short speech over HTTP, by one client, alone and while "
        "two dubs are worked on.",
    ),
    "verification": (
        "Verified speech",
        "Plain English sentences, each spoken alone and heard by pocketsphinx, which was made for people; up to three "
        "attempts. A sentence is good when 80 % of its words are heard.",
    ),
    "kokoro": (
        "Kokoro over HTTP",
        "A Kokoro model of the true size (82 million numbers) with random weights, so that its speed is real and its "
        "sound is none. " + BESIDE_PACKAGE,
    ),
    "pocket": (
        "pocket-tts over HTTP",
        "An English model of pocket-tts of the true size (100 million numbers) with random weights; it never sees the "
        "end of a text, so its answers are some half longer than speech. " + BESIDE_PACKAGE,
    ),
    "recognition": (
        "Hearing",
        "Whisper at its true size in int8, with random weights: half a minute of sound is taken in, as many tokens are "
        "written as half a minute of speech has, with the engine's beam of five, and found in the sound. What real "
        "weights hear costs the same. The first row of a model is how a long recording is heard: by all processes at "
        "once, one window of half a minute in each call of CTranslate2. Beside it are four windows in a call, and one "
        "process with all cores; the four take turns, and of each the best turn counts. Where the machine has other "
        "work, the seconds of its processors say more than the share of real time.",
    ),
    "word_times": (
        "Times of heard words",
        "Words of two espeak voices, their true times displaced by a normal error of 120 ms, some of them misheard; "
        "then looked for line by line by pocketsphinx. Errors of the words that were heard right.",
    ),
    "translation": (
        "Translating",
        "Models at their true size in int8, with random weights, through the engine `ctranslate`: sentences of twelve "
        "tokens, alone and several at once. Random weights never end, so each translation has the most tokens that the "
        "engine allows, 52; real ones have about a quarter of that, and are quicker.",
    ),
    "ledger": ("Ledger", "Hold and settle, 32 tasks at once on one account, each operation its own durable commit."),
}


def render(results: dict[str, Any]) -> str:
    sections = [_section(name, results[name]) for name in TITLES if name in results]
    return "\n".join([HEAD, *sections])


def _section(name: str, result: dict[str, Any]) -> str:
    title, words = TITLES[name]
    figures = dict(result["figures"])
    rows = figures.pop("rows", None)
    parts = [f"## {title}", "", words, "", f"On {result['machine']}, {result['measured']}.", ""]
    if figures:
        parts += [_table([figures]), ""]
    if rows:
        parts += [_table(rows), ""]
    return "\n".join(parts)


def _table(rows: list[dict[str, Any]]) -> str:
    heads = list(rows[0])
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += ["| " + " | ".join(str(row[head]) for head in heads) + " |" for row in rows]
    return "\n".join(lines)
