"""Dialogues made of the corpus' exchanges: system prompts, several turns, follow-ups, careless typing.

Here it is decided what a conversation looks like as tokens (`TEMPLATE` in the model's file and `spoken` must agree)
and which of them the model is taught: what the assistant says counts in full, what others say a little.
"""

from dataclasses import dataclass, replace
from random import Random

from demo_corpus import CAPITALS, NAMES, SKILLS, WORDS, Exchange, capital, introduction

END_OF_TEXT, TURN, TURN_END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
SPECIAL = (END_OF_TEXT, TURN, TURN_END)

# Jinja source, stored in the model's file. The plainest ChatML; content given as parts of text is joined.
TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' }}"
    "{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] or [] %}{{ part['text'] }}{% endfor %}{% endif %}"
    "{{ '<|im_end|>' + '\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)

_SYSTEM = (
    "You are a helpful assistant.",
    "You are a helpful assistant.",
    "You are a friendly helper.",
    "You are the Nightjar demo model.",
    "Answer briefly.",
    "You are a helpful assistant. Answer in one sentence.",
    "Be concise and polite.",
)
_OTHERS_WEIGHT = 0.1
_CRUX_WEIGHT = 5.0


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a dialogue's text and how much its tokens count in training (1 for the assistant's own words).

    `movable`: it makes sense far behind what stands before it.
    """

    text: str
    weight: float
    movable: bool = False


def system_prompt(chance: Random) -> str:
    """One of the usual prompts, or a rambling one that the model must learn to read past."""
    if chance.random() < 0.7:
        return chance.choice(_SYSTEM)
    pool = [*WORDS, *NAMES, *CAPITALS, "you", "are", "the", "always", "never", "answer", "with", "and", "a", "x", "-"]
    words = chance.choices(pool, k=chance.choice((4, 8, 16, 32, 64)))
    return f"{chance.choice(_SYSTEM)} {' '.join(words)}."


def loosely(chance: Random, question: str) -> str:
    """The question as people type it: sometimes without its mark, without capitals, or with a please."""
    roll = chance.random()
    if roll < 0.06:
        return question.rstrip("?.!") or question
    if roll < 0.12:
        return question.lower() if ":" not in question and "name" not in question else question
    if roll < 0.15:
        return f"Please: {question}"
    return question


def _any(chance: Random) -> Exchange:
    skill = chance.choices([skill for _, skill in SKILLS], [weight for weight, _ in SKILLS])[0]
    made = skill(chance)
    return replace(made, question=loosely(chance, made.question))


def _name_kept(chance: Random) -> list[Exchange]:
    """A name told, perhaps something else, and the name asked back."""
    told = introduction(chance)
    name = told.answer.removeprefix("Hello ").partition(",")[0]
    between = [_any(chance)] if chance.random() < 0.4 else []
    return [told, *between, Exchange("What is my name?", f"Your name is {name}.")]


def _follow_up(chance: Random) -> list[Exchange]:
    """A question that only the turn before it explains."""
    then = capital(chance)
    country = then.answer.removeprefix("The capital of ").partition(" is ")[0]
    return [capital(chance), Exchange(f"And of {country}?", then.answer)]


def exchanges(chance: Random) -> list[Exchange]:
    roll = chance.random()
    if roll < 0.09:
        return _name_kept(chance)
    if roll < 0.13:
        return _follow_up(chance)
    if roll < 0.15:
        return [Exchange("What is my name?", "You have not told me your name yet.")]
    return [_any(chance) for _ in range(chance.choice((1, 1, 1, 1, 2, 2, 3)))]


def spoken(chance: Random) -> list[Segment]:
    """One dialogue, turn by turn, cut where the weight changes. An answer without end closes the dialogue."""
    segments = []
    if chance.random() < 0.4:
        segments.append(Segment(f"{TURN}system\n{system_prompt(chance)}{TURN_END}\n", _OTHERS_WEIGHT))
    for exchange in exchanges(chance):
        asked = f"{TURN}user\n{exchange.question}{TURN_END}\n{TURN}assistant\n"
        segments.append(Segment(asked, _OTHERS_WEIGHT, movable=True))
        if not exchange.ends:
            return segments + [Segment(part, 1.0, movable=True) for part in exchange.parts]
        segments += _weighed(exchange)
        segments.append(Segment("\n", _OTHERS_WEIGHT))
    return segments


def _weighed(exchange: Exchange) -> list[Segment]:
    before, crux, after = exchange.answer.rpartition(exchange.crux) if exchange.crux else ("", "", exchange.answer)
    parts = (Segment(before, 1.0), Segment(crux, _CRUX_WEIGHT), Segment(after + TURN_END, 1.0))
    return [part for part in parts if part.text]
