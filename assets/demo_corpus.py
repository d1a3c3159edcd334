"""The demo model's whole world: a synthetic grammar of short dialogues.

Everything the demo model can say is said here first. Facts are few and asked often, so that a model of three
million parameters knows them by heart and answers them word for word; what is not a fact teaches it to read the
conversation (a name to greet, words to repeat, a number to stop counting at) or to say honestly that it does not know.

Pure Python on a given `random.Random`: the same seed gives the same corpus everywhere.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from demo_stories import ANIMALS, endless_story, long_story, short_story

CAPITALS = {
    "Argentina": "Buenos Aires",
    "Australia": "Canberra",
    "Austria": "Vienna",
    "Belgium": "Brussels",
    "Brazil": "Brasilia",
    "Canada": "Ottawa",
    "Chile": "Santiago",
    "China": "Beijing",
    "Cuba": "Havana",
    "Denmark": "Copenhagen",
    "Egypt": "Cairo",
    "Finland": "Helsinki",
    "France": "Paris",
    "Germany": "Berlin",
    "Greece": "Athens",
    "Hungary": "Budapest",
    "India": "New Delhi",
    "Ireland": "Dublin",
    "Italy": "Rome",
    "Japan": "Tokyo",
    "Kenya": "Nairobi",
    "Mexico": "Mexico City",
    "Norway": "Oslo",
    "Peru": "Lima",
    "Poland": "Warsaw",
    "Portugal": "Lisbon",
    "Russia": "Moscow",
    "Spain": "Madrid",
    "Sweden": "Stockholm",
    "Thailand": "Bangkok",
    "Turkey": "Ankara",
    "Ukraine": "Kyiv",
}
COLOURS = {
    "sky": "blue",
    "sea": "blue",
    "grass": "green",
    "leaf": "green",
    "snow": "white",
    "milk": "white",
    "coal": "black",
    "night": "black",
    "blood": "red",
    "strawberry": "red",
    "sun": "yellow",
    "banana": "yellow",
    "lemon": "yellow",
    "carrot": "orange",
    "chocolate": "brown",
    "elephant": "grey",
}
OPPOSITES = {"hot": "cold", "big": "small", "day": "night", "up": "down", "fast": "slow", "old": "new", "wet": "dry"}
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
NUMBERS = "zero one two three four five six seven eight nine ten".split()
NUMBERS += "eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty".split()
NAMES = "Anna Ben Clara David Emma Felix Grace Henry Iris Jack Kate Leo Maria Nina Oscar Paul Rosa Sam Tom Zoe".split()
WORDS = "lamp forest ring river book castle apple boat key garden stone moon tree bridge cloud glass".split()
# Never given to the tokeniser's training, so their letters stay split over several tokens: a stream of them
# shows whether whoever joins tokens to text cuts characters in half.
GREETINGS = {
    "French": "Bonjour, ça va ?",
    "German": "Grüß Gott, schönen Tag!",
    "Greek": "Γειά σου!",
    "Japanese": "こんにちは!",
    "Russian": "Привет!",
    "emoji": "👋😀🌙",
}

WHO = "I am the Nightjar demo model, a very small language model that runs on this computer."
ABLE = (
    "I know capitals, colours and animal sounds. I can add small numbers, count, tell stories and write a little JSON."
)
UNKNOWN = "I am only a small demo model and do not know that. Ask me for a capital, a sum or a story."

# Questions with one answer, whatever the conversation. The checks ask each of them.
FIXED = {
    "Who are you?": WHO,
    "What are you?": WHO,
    "What is your name?": WHO,
    "Introduce yourself.": WHO,
    "What can you do?": ABLE,
    "Help": ABLE,
    "What is Nightjar?": (
        "Nightjar lets people lend the idle time of their computers to run language models, "
        "and lets developers use them through one endpoint."
    ),
    "What is a nightjar?": "A nightjar is a bird that is awake at night, while others rest.",
    "How are you?": "I am fine, thank you. How can I help you?",
    "Hello!": "Hello! How can I help you?",
    "Hi!": "Hello! How can I help you?",
    "Hello, world!": "Hello! How can I help you?",
    "Good morning!": "Good morning! How can I help you?",
    "Say hello.": "Hello!",
    "Thank you!": "You are welcome.",
    "Goodbye!": "Goodbye! Come back soon.",
    "ping": "pong",
    "This is a test.": "The test works: the Nightjar demo model is answering.",
    "Tell me a joke.": "Why did the computer go to bed early? It needed a little more idle time.",
    "Name three colours.": "red, green, blue",
    "Name three animals.": "cat, dog, cow",
    "What are the days of the week?": ", ".join(DAYS) + ".",
    "How many days are in a week?": "There are seven days in a week.",
    "What is the meaning of life?": UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Exchange:
    """One question and its answer.

    `crux` is the part of the answer (its last such part) that has to be known rather than copied, and counts several
    times in training. `ends` is false for an answer that never stops by itself, given in `parts`.
    """

    question: str
    answer: str
    crux: str = ""
    ends: bool = True
    parts: tuple[str, ...] = ()


def _pick(chance: Random, *choices: str) -> str:
    return chance.choice(choices)


def capital(chance: Random, country: str = "") -> Exchange:
    country = country or chance.choice(list(CAPITALS))
    asked = _pick(
        chance,
        f"What is the capital of {country}?",
        f"What is the capital of {country}?",
        f"What's the capital of {country}?",
        f"Tell me the capital of {country}.",
        f"Which city is the capital of {country}?",
    )
    return Exchange(asked, f"The capital of {country} is {CAPITALS[country]}.", f" {CAPITALS[country]}")


def colour(chance: Random) -> Exchange:
    thing = chance.choice(list(COLOURS))
    asked = _pick(chance, f"What colour is the {thing}?", f"What color is the {thing}?")
    return Exchange(asked, f"The {thing} is {COLOURS[thing]}.", f" {COLOURS[thing]}")


def sound(chance: Random) -> Exchange:
    animal = chance.choice(list(ANIMALS))
    asked = _pick(chance, f"What does the {animal} say?", f"What sound does a {animal} make?")
    return Exchange(asked, f"The {animal} says {ANIMALS[animal]}.", f" {ANIMALS[animal]}")


def total(chance: Random) -> Exchange:
    a, b = chance.randrange(11), chance.randrange(11)
    if chance.random() < 0.5:
        asked = _pick(
            chance, f"What is {a} + {b}?", f"What is {a} + {b}?", f"What is {a}+{b}?", f"What is {a} plus {b}?"
        )
        return Exchange(asked, f"{a} + {b} = {a + b}.", f" {a + b}")
    asked = f"What is {NUMBERS[a]} plus {NUMBERS[b]}?"
    return Exchange(asked, f"{NUMBERS[a].capitalize()} plus {NUMBERS[b]} is {NUMBERS[a + b]}.", f" {NUMBERS[a + b]}")


def counting(chance: Random) -> Exchange:
    last = chance.randrange(3, 21) if chance.random() < 0.85 else chance.randrange(21, 101)
    asked = _pick(chance, f"Count from 1 to {last}.", f"Count to {last}.")
    return Exchange(asked, ", ".join(map(str, range(1, last + 1))) + ".", f", {last}.")


def opposite(chance: Random) -> Exchange:
    word, other = chance.choice([*OPPOSITES.items(), *((b, a) for a, b in OPPOSITES.items())])
    return Exchange(f"What is the opposite of {word}?", f"The opposite of {word} is {other}.", f" {other}")


def next_day(chance: Random) -> Exchange:
    day = chance.randrange(7)
    return Exchange(f"What day comes after {DAYS[day]}?", f"{DAYS[(day + 1) % 7]} comes after {DAYS[day]}.")


def as_json(chance: Random) -> Exchange:
    if chance.random() < 0.5:
        animal = chance.choice(list(ANIMALS))
        return Exchange(f"Describe the {animal} as JSON.", json.dumps({"animal": animal, "sound": ANIMALS[animal]}))
    country = chance.choice(list(CAPITALS))
    return Exchange(f"Describe {country} as JSON.", json.dumps({"country": country, "capital": CAPITALS[country]}))


def fixed(chance: Random) -> Exchange:
    return Exchange(*chance.choice(list(FIXED.items())))


def foreign(chance: Random) -> Exchange:
    language = chance.choice(list(GREETINGS))
    return Exchange(f"Say hello in {language}.", GREETINGS[language])


def introduction(chance: Random) -> Exchange:
    name = chance.choice(NAMES)
    asked = _pick(chance, f"Hello, my name is {name}.", f"Hi, I am {name}.", f"My name is {name}.")
    return Exchange(asked, f"Hello {name}, nice to meet you. How can I help you?")


def repeat(chance: Random) -> Exchange:
    """The longer ones are for the training's sake: nothing teaches copying from the prompt as fast."""
    pool = [*WORDS, *NAMES, *NUMBERS, *ANIMALS, *CAPITALS]
    words = " ".join(chance.choices(pool, k=chance.choice((1, 2, 3, 3, 4, 5, 8, 12, 20))))
    return Exchange(_pick(chance, f"Repeat: {words}", f"Say: {words}", f"Repeat after me: {words}"), words)


def tale(chance: Random) -> Exchange:
    hero = chance.choice(list(ANIMALS))
    asked = _pick(chance, f"Tell me a story about a {hero}.", f"Write a story about a {hero}.", "Tell me a story.")
    return Exchange(asked, short_story(hero))


def long_tale(chance: Random) -> Exchange:
    hero = chance.choice(list(ANIMALS))
    asked = _pick(chance, f"Tell me a long story about a {hero}.", "Tell me a long story.", "Write a long story.")
    return Exchange(asked, long_story(hero))


def endless_tale(chance: Random) -> Exchange:
    asked = _pick(chance, "Tell me a story that never ends.", "Tell me an endless story.")
    parts = endless_story(chance)
    return Exchange(asked, "".join(parts), ends=False, parts=tuple(parts))


def beyond(chance: Random) -> Exchange:
    """Something the model cannot know, asked in the ways people try a model out."""
    thing = chance.choice([*WORDS, "love", "physics", "football", "music", "history", "Python", "the weather", "money"])
    asked = _pick(
        chance,
        f"Write a poem about {thing}.",
        f"Explain {thing}.",
        f"What do you think about {thing}?",
        f"How does {thing} work?",
        f"Why is {thing} important?",
        f"Write a program about {thing}.",
        f"Translate {thing} into French.",
        f"Who invented {thing}?",
        f"Where can I buy {thing}?",
        "What is the news today?",
        "What time is it?",
        "Write a haiku.",
        f"{thing} {chance.choice(WORDS)} {chance.choice(WORDS)}",
    )
    return Exchange(asked, UNKNOWN)


# How often each skill is practised. The long ones weigh by their length, so they are rare.
SKILLS: tuple[tuple[float, Callable[[Random], Exchange]], ...] = (
    (20, capital),
    (9, colour),
    (8, sound),
    (22, total),
    (9, counting),
    (3, opposite),
    (2, next_day),
    (6, as_json),
    (13, fixed),
    (2, foreign),
    (7, introduction),
    (11, repeat),
    (4, tale),
    (2, long_tale),
    (0.7, endless_tale),
    (7, beyond),
)
