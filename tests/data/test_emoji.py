"""Emoji: what is never shown is never shown, words say which one it is, and the artists are named beside the pictures."""

from __future__ import annotations

import hashlib
from collections import Counter

import pytest
import torch
from PIL import Image

from diffusion_utils.data.emoji import (
    LENGTH,
    STYLES,
    TONES,
    all_pictures,
    emoji_table,
    held_out,
    load_emoji,
    tokens_of,
    words,
)
from diffusion_utils.data.emoji.table import HERE, words_in
from diffusion_utils.data.emoji.words import KEPT, NAMED, RARE, SHORTENED, STYLED, draw_prompts, random_prompt

TABLE = emoji_table()
PLAIN = [i for i, one in enumerate(TABLE) if one.tone == 0]
TONED = [i for i, one in enumerate(TABLE) if one.tone]


@pytest.fixture(scope="module")
def shown():
    return load_emoji("train")


def number(name: str) -> int:
    return next(i for i, one in enumerate(TABLE) if " ".join(one.name) == name)


def pairs(data) -> set[tuple[int, int]]:
    return set(zip(data.emoji.tolist(), data.style.tolist(), strict=True))


# --- Pictures


def test_every_emoji_has_a_picture_in_every_style():
    pictures = all_pictures()
    assert pictures.shape == (3, len(TABLE), 3, 32, 32) and pictures.dtype == torch.uint8
    ink = (pictures < 255).flatten(2).sum(2)
    assert int(ink.min()) > 0
    assert bool((pictures[:, :, :, 0, 0] == 255).double().mean() > 0.5)  # on white, not on black


def test_a_picture_belongs_to_its_name():
    """The red heart is red, the blue and the green one are not, in each style: an offset by one would be seen."""
    for style in range(3):
        for colour, channel in (("red", 0), ("green", 1), ("blue", 2)):
            middle = all_pictures()[style, number(f"{colour} heart"), :, 12:20, 12:20].double().mean((1, 2))
            assert int(middle.argmax()) == channel, (STYLES[style], colour)


def test_all_in_the_sheet_after_the_last_emoji_is_white():
    for style in STYLES:
        with Image.open(HERE / f"{style}.webp") as file:
            last = file.convert("RGB").crop((len(TABLE) % 64 * 32, file.height - 32, file.width, file.height))
            assert file.width == 64 * 32 and file.height == -(-len(TABLE) // 64) * 32
        assert last.getextrema() == ((255, 255),) * 3


def test_the_artists_and_their_licences_stand_beside_the_pictures():
    notice = (HERE / "NOTICE.md").read_text(encoding="utf-8")
    for file, artist, licence, title in (("noto.webp", "Noto Emoji, Google", "Apache-2.0", "Apache License"),
                                         ("twemoji.webp", "Twemoji, © Twitter", "CC-BY-4.0", "Attribution 4.0"),
                                         ("openmoji.webp", "OpenMoji, HfG", "CC-BY-SA-4.0", "ShareAlike 4.0"),
                                         ("emoji.csv", "OpenMoji", "CC-BY-SA-4.0", "ShareAlike 4.0")):
        line = next(line for line in notice.splitlines() if f"`{file}`" in line)
        text = (HERE / f"LICENSE-{licence}.txt").read_text(encoding="utf-8")
        assert artist in line and title in text[:400] and len(text) > 10_000
    assert "What was changed" in notice


# --- What is held out


def test_a_tenth_of_the_pairs_with_a_style_is_held_out_and_never_more_than_one_style():
    styles, _ = held_out()
    assert set(styles) <= set(PLAIN) and abs(len(styles) / (3 * len(PLAIN)) - 0.1) < 1 / len(PLAIN)
    counts = Counter(styles.values())
    assert set(counts) == {0, 1, 2} and max(counts.values()) - min(counts.values()) <= 1


def test_a_fifth_of_the_pairs_of_a_person_and_a_tone_is_held_out_one_for_each_person():
    _, tones = held_out()
    assert set(tones) == {TABLE[i].base for i in TONED} and 5 * len(tones) == len(TONED)
    counts = Counter(tones.values())
    assert set(counts) == {1, 2, 3, 4, 5} and max(counts.values()) - min(counts.values()) <= 1


def test_what_is_held_out_depends_on_an_emoji_and_not_on_its_place_in_the_list():
    order = sorted(PLAIN, key=lambda i: hashlib.sha256(TABLE[i].code.encode()).hexdigest())
    styles, _ = held_out()
    assert list(styles) == order[:len(styles)]
    # no sort of emoji is spared: the list is ordered by sort, and each fifth of it gives its share
    fifths = Counter(5 * PLAIN.index(i) // len(PLAIN) for i in styles)
    assert all(abs(n / len(styles) - 0.2) < 0.06 for n in fifths.values())


def test_networks_see_everything_else_and_none_of_it_with_any_tone(shown):
    styles, tones = held_out()
    seen = pairs(shown)
    for i, style in styles.items():
        variants = [k for k, one in enumerate(TABLE) if one.base == i]
        assert not any((k, style) in seen for k in variants)
    for k in TONED:
        if TABLE[k].tone == tones[TABLE[k].base]:
            assert not any((k, style) in seen for style in range(3))
    lost = sum(len([k for k in TONED if TABLE[k].base == i and TABLE[k].tone != tones[i]]) + 1 if i in tones else 1
               for i in styles)
    assert len(seen) == 3 * (len(TABLE) - len(tones)) - lost


def test_an_emoji_without_a_tone_is_visited_twice_in_an_epoch(shown):
    visits = Counter(zip(shown.emoji.tolist(), shown.style.tolist(), strict=True))
    assert all(n == (1 if TABLE[i].tone else 2) for (i, _), n in visits.items())


def test_test_data_are_new_by_name_and_by_look(shown):
    seen, looks = pairs(shown), {picture.numpy().tobytes() for picture in shown.pictures}
    styles, tones = load_emoji("test", "styles"), load_emoji("test", "tones")
    for data in (styles, tones):
        assert not pairs(data) & seen
        assert not {picture.numpy().tobytes() for picture in data.pictures} & looks
    assert all(TABLE[i].tone == 0 for i in styles.emoji.tolist()) and all(TABLE[i].tone for i in tones.emoji.tolist())
    assert len(styles) > 500 and len(tones) > 800
    assert pairs(load_emoji("test", "seen")) <= seen
    both = load_emoji("test")
    assert torch.equal(both.emoji, torch.cat([styles.emoji, tones.emoji]))


def test_the_first_hundred_of_each_kind_are_of_all_styles_and_sorts():
    for kind in ("styles", "tones", "seen"):
        few = load_emoji("test", kind).first(100)
        assert len(few) == len(few.x0(torch.arange(100))) == 100
        assert min(Counter(few.style.tolist()).values()) > 20 and len(set(few.emoji.tolist())) > 30


@pytest.mark.parametrize(("given", "says"), [(("tests",), "split must be 'train' or 'test'"),
                                             (("test", "tone"), "unknown kind of emoji 'tone'. Did you mean 'tones'"),
                                             (("train", "tones"), "unknown kind of emoji 'tones'")])
def test_an_unknown_split_or_kind_is_refused(given, says):
    with pytest.raises(ValueError, match=says):
        load_emoji(*given)


# --- Words


def test_every_name_can_be_said_and_no_two_are_alike(shown):
    tokens = load_emoji("test").condition(torch.arange(len(load_emoji("test"))))
    assert tokens.shape[1] == LENGTH and len({tuple(row) for row in tokens.tolist()}) == len(tokens)
    assert len({one.name for one in TABLE}) == len(TABLE)
    assert max(len(one.name) for one in TABLE) + 2 <= LENGTH


def test_a_tag_is_a_word_where_it_goes_with_two_emoji_or_more():
    tags = Counter(tag for i in PLAIN for tag in set(TABLE[i].tags))
    names = {word for one in TABLE for word in one.name}
    assert set(words()) == names | {tag for tag, n in tags.items() if n >= RARE} | set(STYLES) | {"·", "^"}
    assert list(words().values()) == list(range(len(words()))) and list(words())[:5] == ["·", "^", *STYLES]


def test_a_prompt_is_its_style_and_its_words():
    tokens = tokens_of("noto red apple")
    assert tokens.tolist() == [[1, *(words()[word] for word in ("noto", "red", "apple")), *([0] * (LENGTH - 4))]]
    for same in ("red apple, Noto", "a red apple: NOTO!", "the réd noto apple"):
        assert torch.equal(tokens_of(same), tokens)
    assert tokens_of("").tolist() == [[1] + [0] * (LENGTH - 1)]
    assert tokens_of("apple").tolist() != tokens_of("noto apple").tolist()
    assert words_in("flag: Côte d’Ivoire") == ["flag", "cote", "divoire"]


def test_the_condition_of_a_row_is_what_its_full_name_in_its_style_gives(shown):
    rows = torch.tensor([7, 4000])
    said = [f"{STYLES[shown.style[k]]} {' '.join(TABLE[shown.emoji[k]].name)}" for k in rows.tolist()]
    assert torch.equal(shown.condition(rows), tokens_of(said))


@pytest.mark.parametrize(("text", "says"), [("a bananna", "unknown word 'bananna'. Did you mean 'banana'"), ("^", None),
                                            ("noto twemoji apple", "names one style, got noto and twemoji"),
                                            ("red " * 100, "at most 11 words, got 100"), ("qqqq", "words are known")])
def test_a_prompt_that_cannot_be_told_is_refused_in_one_short_line(text, says):
    if says is None:
        assert torch.equal(tokens_of(text), tokens_of(""))  # punctuation is no word
        return
    with pytest.raises(ValueError, match=says) as caught:
        tokens_of(text)
    assert len(str(caught.value)) < 200  # and not all 2,600 words


def test_random_prompts_say_only_what_goes_with_the_emoji(shown):
    generator = torch.Generator().manual_seed(0)
    rows = torch.randint(len(shown), (2000,), generator=generator)
    said = draw_prompts(shown.emoji[rows], shown.style[rows], generator)
    styled = whole = 0
    for i, style, prompt in zip(shown.emoji[rows].tolist(), shown.style[rows].tolist(), said, strict=True):
        one = TABLE[i]
        allowed = {*one.name, *TABLE[one.base].tags, STYLES[style], *((TONES[one.tone], "skin", "tone") if one.tone else ())}
        assert set(prompt) <= allowed
        styled += STYLES[style] in prompt
        whole += tuple(word for word in prompt if word not in STYLES) == one.name
    assert abs(styled / 2000 - STYLED) < 4 * (STYLED * (1 - STYLED) / 2000) ** 0.5  # four standard errors
    # the whole name, and a part of it that leaves nothing out
    assert NAMED - 0.04 < whole / 2000 < NAMED + (SHORTENED - NAMED) * KEPT + 0.04


def test_a_random_prompt_is_a_name_a_part_of_it_or_tags_as_chance_decides():
    apple, high = TABLE[number("red apple")], [0.99] * 15
    assert random_prompt(apple, 0, [0.0, 0.0, *high]) == ["noto", "red", "apple"]
    assert random_prompt(apple, 0, [0.99, 0.0, *high]) == ["red", "apple"]
    assert random_prompt(apple, 0, [0.0, NAMED, 0.0, 0.0, 0.99, *high]) == ["noto", "red"]
    tagged = random_prompt(apple, 0, [0.0, SHORTENED, 0.99, *high])
    assert tagged[0] == "noto" and len(tagged) == 4 and set(tagged[1:]) <= set(apple.tags)


def test_prompts_are_drawn_anew(shown):
    generator, rows = torch.Generator().manual_seed(0), torch.arange(500)
    first, second = shown.draw_prompts(rows, generator), shown.draw_prompts(rows, generator)
    assert first.shape == (500, LENGTH) and first.dtype == torch.int64
    assert 0.2 < float((first == second).all(1).double().mean()) < 0.8
