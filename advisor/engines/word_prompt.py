"""Prompts for engines that take text only: common words, about one token each in every vocabulary."""

import random

WORDS = ("river", "stone", "light", "seven", "paper", "green", "house", "music", "north", "glass", "field", "cloud")


def word_prompt(source: random.Random, tokens: int) -> str:
    """About `tokens` tokens. With a `source` seeded by the system no prompt cache has seen them."""
    return " ".join(source.choice(WORDS) for _ in range(tokens))
