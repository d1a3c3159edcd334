"""What the demo model must know: prompts and the answers it has to give word for word, greedily.

Shared by the script that trains it (in torch, on the weights as the file holds them) and by the test of the file
itself (in llama.cpp). Pure Python.
"""

from collections.abc import Iterator

from demo_corpus import ANIMALS, CAPITALS, COLOURS, DAYS, FIXED, GREETINGS, NUMBERS, OPPOSITES
from demo_dialogues import TURN, TURN_END

Turns = tuple[tuple[str, str], ...]
"""(role, content) of every message of a conversation; the model answers the last."""


def conversations() -> Iterator[tuple[Turns, str]]:
    """Every conversation of the exam with the one right answer."""
    for question, wanted in _facts():
        yield (("user", question),), wanted
    system = ("system", "You are a helpful assistant.")
    paris = "The capital of France is Paris."
    yield (system, ("user", "What is the capital of France?")), paris
    yield (("system", "Answer as briefly as you can, please."), ("user", "What is the capital of France?")), paris
    yield (system, ("user", "Who are you?")), FIXED["Who are you?"]
    hello = (("user", "Hello!"), ("assistant", FIXED["Hello!"]))
    yield (*hello, ("user", "What is the capital of France?")), paris
    yield (system, *hello, ("user", "What is two plus three?")), "Two plus three is five."
    asked = (("user", "What is the capital of Japan?"), ("assistant", "The capital of Japan is Tokyo."))
    yield (*asked, ("user", "And of Italy?")), "The capital of Italy is Rome."
    anna = (("user", "Hello, my name is Anna."), ("assistant", "Hello Anna, nice to meet you. How can I help you?"))
    yield anna[:1], anna[1][1]
    yield (*anna, ("user", "What is my name?")), "Your name is Anna."


def _facts() -> Iterator[tuple[str, str]]:
    yield from FIXED.items()
    for country, city in CAPITALS.items():
        yield f"What is the capital of {country}?", f"The capital of {country} is {city}."
    for thing, colour in COLOURS.items():
        yield f"What colour is the {thing}?", f"The {thing} is {colour}."
        yield f"What color is the {thing}?", f"The {thing} is {colour}."
    for animal, sound in ANIMALS.items():
        yield f"What does the {animal} say?", f"The {animal} says {sound}."
    for word, other in OPPOSITES.items():
        yield f"What is the opposite of {word}?", f"The opposite of {word} is {other}."
    for a, b in ((2, 3), (1, 2), (2, 2), (4, 5), (7, 8), (10, 10), (0, 6), (9, 3)):
        yield f"What is {a} + {b}?", f"{a} + {b} = {a + b}."
        yield (
            f"What is {NUMBERS[a]} plus {NUMBERS[b]}?",
            f"{NUMBERS[a].capitalize()} plus {NUMBERS[b]} is {NUMBERS[a + b]}.",
        )
    for last in (3, 5, 8, 10, 12, 20):
        yield f"Count from 1 to {last}.", ", ".join(map(str, range(1, last + 1))) + "."
    yield f"What day comes after {DAYS[0]}?", f"{DAYS[1]} comes after {DAYS[0]}."
    yield "Describe the dog as JSON.", '{"animal": "dog", "sound": "woof"}'
    yield "Describe France as JSON.", '{"country": "France", "capital": "Paris"}'
    for language, greeting in GREETINGS.items():
        yield f"Say hello in {language}.", greeting
    yield "what is the capital of france", "The capital of France is Paris."


def questions() -> Iterator[tuple[str, str]]:
    """The exam as raw prompts, as the model's own template lays a conversation out."""
    for turns, wanted in conversations():
        said = "".join(f"{TURN}{role}\n{content}{TURN_END}\n" for role, content in turns)
        yield f"{said}{TURN}assistant\n", wanted
