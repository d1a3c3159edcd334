"""Stories the demo model learns to tell: short, long (two hundred tokens and more), and one that never ends.

Which animal a story is about is asked for or drawn; the rest follows from it, so that a very small model can learn
every story by heart. Only the endless one is different each time.
"""

from random import Random

ANIMALS = {
    "cat": "meow",
    "dog": "woof",
    "cow": "moo",
    "duck": "quack",
    "sheep": "baa",
    "pig": "oink",
    "lion": "roar",
    "frog": "ribbit",
    "owl": "hoot",
    "mouse": "squeak",
    "horse": "neigh",
    "bee": "buzz",
    "snake": "hiss",
    "rooster": "cock-a-doodle-doo",
}
# What else a story about each animal is about. One telling per animal: a very small model learns it word for word.
_SETTINGS = {
    "cat": ("brave", "castle", "lamp", "Anna"),
    "dog": ("happy", "river", "boat", "Ben"),
    "cow": ("quiet", "village", "apple", "Clara"),
    "duck": ("small", "river", "ring", "David"),
    "sheep": ("old", "mountain", "book", "Emma"),
    "pig": ("clever", "garden", "key", "Felix"),
    "lion": ("quiet", "mountain", "ring", "Anna"),
    "frog": ("small", "garden", "key", "Ben"),
    "owl": ("clever", "forest", "book", "Clara"),
    "mouse": ("brave", "village", "lamp", "David"),
    "horse": ("old", "castle", "apple", "Emma"),
    "bee": ("happy", "garden", "boat", "Felix"),
    "snake": ("quiet", "forest", "ring", "Ben"),
    "rooster": ("brave", "village", "key", "Emma"),
}


def short_story(hero: str) -> str:
    kind, place, find, friend = _SETTINGS[hero]
    return (
        f"Once upon a time there was a {kind} {hero}. The {hero} lived near the {place}. "
        f"One day the {hero} found a {find}. The {hero} gave the {find} to {friend}. "
        f"{friend} said thank you. They became good friends. The end."
    )


def long_story(hero: str) -> str:
    kind, place, find, friend = _SETTINGS[hero]
    heroes = list(ANIMALS)
    helper = heroes[(heroes.index(hero) + 5) % len(heroes)]
    return (
        f"Once upon a time there was a {kind} {hero}. The {hero} lived near the {place}. Every morning the {hero} "
        f"said {ANIMALS[hero]}, and everyone in the {place} woke up and was happy.\n\n"
        f"One day it was very quiet. {friend} had lost a {find}, and nobody knew where it was. "
        f'"I will find the {find}," said the {hero}. So the {hero} went out alone, over the hills and through the '
        f"dark wood, and looked under every stone.\n\n"
        f"On the way the {hero} met a {helper}. The {helper} said {ANIMALS[helper]}. "
        f'"Have you seen a {find}?" asked the {hero}. "Yes," said the {helper}, "the moon shines on it every night. '
        f'Come with me and I will show you." They walked together all day and all night. At last they saw a light '
        f"in the water, and there it was.\n\n"
        f"The {hero} and the {helper} took the {find} back to {friend}. {friend} laughed and said thank you. "
        f"In the evening they sat by the fire, ate warm bread and told each other stories until the stars came out. "
        f"The {hero} and the {helper} became good friends, and the {place} was never quiet again. The end."
    )


def endless_story(chance: Random) -> list[str]:
    """Seventy evenings, more than any training row holds: the model never sees it end. No two tellings are alike."""
    evenings = []
    for _ in range(70):
        hero, met = chance.choice(list(ANIMALS)), chance.choice(list(ANIMALS))
        _, place, find, _ = _SETTINGS[chance.choice(list(ANIMALS))]
        evenings.append(f" And then the {hero} met a {met} near the {place}, and they found a {find}.")
    return [evenings[0].lstrip(), *evenings[1:]]
